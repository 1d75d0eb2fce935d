// Judging facts by rules.
//
// A rule: { id, what, why, next, check(facts) }. check() answers null when the facts say nothing
// about it, else { severity: 'problem' | 'notice' | 'ok', measured, threshold }.

const ORDER = ['problem', 'notice', 'ok'];

// levels(value, { notice, problem }): the severity of a value that is better when it is lower.
export function levels(value, { notice = Infinity, problem = Infinity }) {
  if (value >= problem) return 'problem';
  return value >= notice ? 'notice' : 'ok';
}

// judge(facts, rules): the findings, worst first, those of one severity in the order of the rules.
export function judge(facts, rules) {
  return rules
    .map((rule) => ({ rule, verdict: rule.check(facts) }))
    .filter(({ verdict }) => verdict !== null)
    .map(({ rule, verdict }) => ({ id: rule.id, what: rule.what, ...verdict, why: rule.why, next: rule.next }))
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}
