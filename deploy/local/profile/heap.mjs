// heap: what is on the heap, by function and stack; --diff shows what grew
//
// The services' allocator samples allocations from their start on.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { get, readCluster, select } from './common/cluster.mjs';
import { note, run } from './common/fail.mjs';
import { withLoad } from './common/load.mjs';
import { COMMON_HELP, parseOptions } from './common/options.mjs';
import { fetchProfile } from './common/pprof.mjs';
import { functionTable, shortPath, tally } from './common/report.mjs';

const HELP = `usage: ./topgun profile heap [options]

Prints for every process what is on its heap now: the functions that allocated most (their callers
under "cumulative") and the largest stacks. Allocations are sampled, about one per MiB, so small
amounts are estimates.

${COMMON_HELP}  --diff N          take two snapshots N seconds apart (1 to 3600) and print what grew
  --top N           functions and stacks per list (default 15)
  --out DIR         also write NAME.heap.pb.gz per process, for go tool pprof
`;

// Frames of the allocator and of what only passes an allocation on.
const PLUMBING = /^(operator new|malloc|calloc|realloc|posix_memalign|aligned_alloc|tcmalloc|std::|__gnu_cxx|\[libtcmalloc)/;
const STACK_FRAMES_SHOWN = 8;

function bytes(value) {
  const sign = value < 0 ? '-' : '';
  const size = Math.abs(value);
  const power = Math.min(4, Math.floor(Math.log2(Math.max(size, 1)) / 10));
  const unit = ['B', 'KiB', 'MiB', 'GiB', 'TiB'][power];
  return `${sign}${(size / 1024 ** power).toFixed(power ? 1 : 0)}${unit}`;
}

// The innermost function that decided to allocate comes first.
function withoutPlumbing(frames) {
  const first = frames.findIndex(({ name }) => !PLUMBING.test(name));
  return first < 0 ? frames : frames.slice(first);
}

function byStack(profile, sign = 1) {
  const index = profile.types.indexOf('inuse_space');
  return profile.samples.map(({ values, thread, frames }) => ({
    values: [sign * values[index]],
    thread,
    frames: withoutPlumbing(frames),
  }));
}

function largestStacks(samples, rows) {
  const stacks = new Map();
  for (const { values, frames } of samples) {
    const key = frames.map(({ name, line }) => `${name}:${line}`).join(';');
    const entry = stacks.get(key) ?? { value: 0, frames };
    entry.value += values[0];
    stacks.set(key, entry);
  }
  const sorted = [...stacks.values()].sort((a, b) => b.value - a.value);
  return sorted.filter(({ value }) => value > 0).slice(0, rows);
}

function printReport(title, samples, top) {
  const result = tally(samples, 0);
  const lines = ['', `== ${title}: ${bytes(result.total)}`, ''];
  lines.push(...functionTable(result, { rows: top, format: bytes }));
  lines.push('', 'with all they call');
  lines.push(...functionTable(result, { rows: top, format: bytes, sort: 'cumulative' }));
  for (const { value, frames } of largestStacks(samples, top)) {
    lines.push('', `${bytes(value)} by`);
    for (const { name, file, line } of frames.slice(0, STACK_FRAMES_SHOWN)) {
      lines.push(`    ${name}${file ? `  (${shortPath(file)}:${line})` : ''}`);
    }
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

async function totalsOf(service) {
  const status = await (await get(service, '/debug/status')).json();
  const { heap, resident_bytes: resident } = status;
  if (!heap) return `resident ${bytes(resident)}`;
  return `allocated ${bytes(heap.allocated)}, held ${bytes(heap.held)}, resident ${bytes(resident)}`;
}

async function main() {
  const options = parseOptions(HELP, {
    diff: { number: [1, 3600] },
    top: { number: [1, 1000], default: 15 },
    out: { text: true },
  });
  const cluster = readCluster(options.data);
  const services = select(cluster, options.process);
  const take = () =>
    Promise.all(services.map((service) => fetchProfile(service, '/debug/pprof/heap')));
  await withLoad(cluster, options.load, options.diff ?? 0, async () => {
    let taken = await take();
    const before = options.diff === undefined ? null : taken;
    if (before) {
      note(`the first snapshot is taken; the second one follows in ${options.diff} s`);
      await sleep(options.diff * 1000);
      taken = await take();
    }
    for (const [i, service] of services.entries()) {
      const samples = byStack(taken[i].profile);
      if (before) samples.push(...byStack(before[i].profile, -1));
      const what = before ? `grown within ${options.diff} s` : 'live, as sampled';
      printReport(`${service.name} (${await totalsOf(service)}), ${what}`, samples, options.top);
    }
    if (options.out !== undefined) {
      mkdirSync(options.out, { recursive: true });
      services.forEach(({ name }, i) => {
        writeFileSync(path.join(options.out, `${name}.heap.pb.gz`), taken[i].bytes);
      });
      note(`snapshots are in ${options.out}; go tool pprof -base OLD NEW compares two`);
    }
  });
}

await run(main);
