// cpu: which functions use the CPU, as text
//
// Samples all chosen processes at the same time, so that their figures belong together.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readCluster, select } from './common/cluster.mjs';
import { note, run } from './common/fail.mjs';
import { opsPerSecond, withLoad } from './common/load.mjs';
import { COMMON_HELP, parseOptions } from './common/options.mjs';
import { fetchProfile } from './common/pprof.mjs';
import { functionTable, tally, threadTable } from './common/report.mjs';
import { cpuSeconds, storeNote } from './common/stores.mjs';

const HELP = `usage: ./topgun profile cpu [options]

Samples the services of the running cluster 100 times per second of CPU time and prints for every
process its threads, the functions that cost most by themselves (flat) and those that cost most with
all they call (cumulative). Inlined functions count as functions.

${COMMON_HELP}  --seconds N       how long to sample, 1 to 60 (default 10)
  --top N           functions per list (default 25)
  --thread NAME     only this thread, such as loop-0
  --focus TEXT      only stacks with a function whose name contains TEXT
  --out DIR         also write NAME.pb.gz per process, for go tool pprof
`;

function seconds(nanos) {
  const value = nanos / 1e9;
  return value >= 10 ? `${value.toFixed(1)}s` : `${(value * 1000).toFixed(0)}ms`;
}

function printProcess(service, profile, options) {
  const index = profile.types.indexOf('cpu');
  const all = profile.samples.reduce((sum, sample) => sum + sample.values[index], 0);
  const chosen = profile.samples.filter(
    ({ thread, frames }) =>
      (options.thread === undefined || thread === options.thread) &&
      (options.focus === undefined || frames.some(({ name }) => name.includes(options.focus))),
  );
  const result = tally(chosen, index);
  const cores = (all / 1e9 / profile.durationS).toFixed(2);
  const lines = [
    '',
    `== ${service.name} (pid ${service.pid}): ${seconds(all)} of CPU in ` +
      `${profile.durationS.toFixed(1)} s, ${cores} cores`,
  ];
  if (chosen.length < profile.samples.length) lines.push(`   chosen: ${seconds(result.total)}`);
  lines.push(...profile.comments.map((comment) => `   ${comment}`));
  lines.push('', 'threads', ...threadTable(profile.samples, index, seconds));
  lines.push('', 'by themselves', ...functionTable(result, { rows: options.top, format: seconds }));
  lines.push(
    '',
    'with all they call',
    ...functionTable(result, { rows: options.top, format: seconds, sort: 'cumulative' }),
  );
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function main() {
  const options = parseOptions(HELP, {
    seconds: { number: [1, 60], default: 10 },
    top: { number: [1, 1000], default: 25 },
    thread: { text: true },
    focus: { text: true },
    out: { text: true },
  });
  const cluster = readCluster(options.data);
  const services = select(cluster, options.process);
  await withLoad(cluster, options.load, options.seconds, async () => {
    note(`sampling ${services.map(({ name }) => name).join(', ')} for ${options.seconds} s`);
    const before = cpuSeconds(cluster);
    const target = `/debug/pprof/profile?seconds=${options.seconds}`;
    const [rate, ...profiles] = await Promise.all([
      opsPerSecond(cluster, options.seconds * 1000),
      ...services.map((service) => fetchProfile(service, target, options.seconds)),
    ]);
    services.forEach((service, i) => printProcess(service, profiles[i].profile, options));
    process.stdout.write(`\n${Math.round(rate)} operations per second reached the gateways\n`);
    process.stdout.write(storeNote(cluster, before));
    if (options.out !== undefined) {
      mkdirSync(options.out, { recursive: true });
      services.forEach(({ name }, i) => {
        writeFileSync(path.join(options.out, `${name}.pb.gz`), profiles[i].bytes);
      });
      note(`profiles are in ${options.out}; read one with: go tool pprof -top FILE`);
    }
  });
}

await run(main);
