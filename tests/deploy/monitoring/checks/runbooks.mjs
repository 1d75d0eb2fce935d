// What is wrong with runbooks: programs, verbs, settings, metrics and pages in them that there are not.
import path from 'node:path';

// Programs of others that a runbook may tell to use.
const OTHERS = new Set(['chrony', 'curl', 'gdb', 'grep', 'head', 'kubectl', 'openssl', 'psql', 'redis-cli', 'ulimit']);

// Text between backticks, and the lines of blocks, without comments.
function codeOf(page) {
  const blocks = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block);
  const lines = blocks.flatMap((block) => block.split('\n')).map((line) => line.replace(/\s+#.*$/, '').trim()).filter(Boolean);
  const spans = [...page.replaceAll(/^```.*?^```$/gms, '').matchAll(/`([^`]+)`/g)].map(([, span]) => span);
  return {lines, spans};
}

// `known`: {ctl: Set of verbs, topgun: Set of verbs, modes: Set of ./topgun profile, settings: Set, metrics: Set, exists(file)}.
export function checkRunbook(page, known) {
  const {lines, spans} = codeOf(page);
  const commands = [...lines, ...spans.filter((span) => /^(\.\/topgun|topgunctl|kubectl|redis-cli|psql|curl|openssl)\b/.test(span))];
  return [
    ...commands.flatMap((command) => checkCommand(command, known)),
    ...[...lines, ...spans].flatMap((code) => checkMetrics(code, known.metrics)),
    ...spans.flatMap((span) => span.match(/^--[a-z][a-z-]*/g) ?? []).filter((flag) => !known.settings.has(flag)).map((flag) => `there is no setting ${flag}`),
    ...[...page.matchAll(/\]\(([^)#]+)[^)]*\)/g)].filter(([, target]) => !known.exists(target)).map(([, target]) => `there is no page ${target}`),
  ];
}

function checkCommand(command, {ctl, topgun, modes}) {
  // A pipe's parts each, but not the bars inside quotes; redirections and input aside.
  return command.replaceAll(/'[^']*'|"[^"]*"/g, 'X').split('|').flatMap((part) => {
    // What the reader puts in is in capitals.
    const [program, verb, mode] = part.trim().split(/\s+/).filter((word) => !/^[A-Z]+$/.test(word));
    if (program === 'topgunctl') return !verb || ctl.has(verb) ? [] : [`topgunctl has no verb ${verb}`];
    if (program === './topgun') {
      if (!verb) return [];
      if (!topgun.has(verb)) return [`./topgun has no verb ${verb}`];
      return verb === 'profile' && mode && !modes.has(mode) ? [`./topgun profile has no mode ${mode}`] : [];
    }
    return OTHERS.has(program) ? [] : [`${program} is no program that runbooks use`];
  });
}

// Names like metrics must be some; those that end in _ the beginning of some. grep's patterns stand for all
// that they match: sync_(a|b)_total.
function checkMetrics(code, names) {
  const all = [...names];
  return [...code.matchAll(METRIC)].flatMap(([pattern]) => expanded(pattern))
      .filter((name) => !names.has(name) && !(name.endsWith('_') && all.some((each) => each.startsWith(name))))
      .map((name) => `there is no metric ${name}`);
}

const METRIC = /\bnamespace:\w+:\w+|\b(?:discovery|gateway|process|storage|sync|tls|topgun_config|tracing)_(?:\w|\((?:[^()]|\([^()]*\))*\))*/g;

// The innermost alternatives first, so that those around them can be divided at their bars.
function expanded(pattern) {
  const [, before, alternatives, after] = /^(.*?)\(([^()]*)\)(.*)$/.exec(pattern) ?? [];
  return alternatives === undefined ? [pattern] : alternatives.split('|').flatMap((each) => expanded(before + each + after));
}

export const runbookOf = (alert) => path.posix.join('docs/runbooks', `${alert}.md`);
