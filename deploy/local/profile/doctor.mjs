// doctor: what is wrong, with numbers, thresholds and the next command to run
//
// Looks at everything twice, some seconds apart, and judges the difference by rules.

import { writeFileSync } from 'node:fs';
import { readCluster } from './common/cluster.mjs';
import { fail, note, run } from './common/fail.mjs';
import { withLoad } from './common/load.mjs';
import { parseOptions } from './common/options.mjs';
import { gather } from './doctor/facts.mjs';
import { count } from './doctor/format.mjs';
import { judge } from './doctor/judge.mjs';
import { RULES } from './doctor/rules.mjs';

const HELP = `usage: ./topgun profile doctor [options]

Looks at /metrics and /proc of all processes, at Redis and at Postgres for some seconds, and prints
findings, the worst first: what was measured, the threshold, why it matters, what to run next. Then
the numbers of everything that is fine. Under load it sees more.

  --data DIR        the cluster's folder (default: .topgun in the repository)
  --load 'ARGS'     start ./topgun load ARGS when no load runs, and stop it afterwards
  --seconds N       how long to look, 2 to 120 (default 10)
  --json            print findings and facts as JSON
  --facts FILE      also write the facts, to be judged again or sent to somebody

Exit code: 0 without problems (notices are none), 1 with one.
`;

const MARKS = { problem: 'PROBLEM', notice: 'notice', ok: 'ok' };

function explain({ severity, id, what, measured, threshold, why, next }) {
  return [
    `${MARKS[severity]}  ${id}: ${measured}`,
    `    what       ${what}`,
    `    threshold  ${threshold}`,
    `    why        ${why}`,
    `    next       ${next}`,
    '',
  ];
}

function print(facts, findings) {
  const told = findings.filter(({ severity }) => severity !== 'ok');
  const problems = told.filter(({ severity }) => severity === 'problem').length;
  const lines = told.flatMap(explain);
  lines.push(`within their thresholds, over ${count(facts.seconds)} s at ${count(facts.gateway.opsPerS)} ops/s:`);
  for (const { severity, id, measured } of findings) {
    if (severity === 'ok') lines.push(`  ${id.padEnd(20)} ${measured}`);
  }
  lines.push(
    '',
    problems > 0
      ? `${problems} problem${problems > 1 ? 's' : ''}, ${told.length - problems} notices`
      : `healthy: no problems, ${told.length} notices`,
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function main() {
  const options = parseOptions(HELP, {
    seconds: { number: [2, 120], default: 10 },
    json: {},
    facts: { text: true },
  });
  if (options.process !== 'all') fail('doctor looks at the whole cluster; leave --process out');
  const cluster = readCluster(options.data);
  note(`looking for ${options.seconds} s`);
  const look = () => gather(cluster, options.seconds);
  // Without --load also an idle or a sick cluster is looked at.
  const facts =
    options.load === undefined
      ? await look()
      : await withLoad(cluster, options.load, options.seconds, look);
  const findings = judge(facts, RULES);
  if (options.facts) writeFileSync(options.facts, `${JSON.stringify(facts, null, 2)}\n`);
  if (options.json) process.stdout.write(`${JSON.stringify({ findings, facts }, null, 2)}\n`);
  else print(facts, findings);
  if (findings.some(({ severity }) => severity === 'problem')) process.exitCode = 1;
}

run(main);
