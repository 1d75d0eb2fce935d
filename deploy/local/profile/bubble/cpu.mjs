// CPU time of the threads of a local cluster, from /proc: what is busy, and what idles.

import { readFileSync, readdirSync } from 'node:fs';
import { cpus } from 'node:os';

const TICKS_PER_SECOND = 100; // USER_HZ, on every Linux that Debian supports
const SHOWN_MIN = 0.03; // cores

function ticksOf(text) {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

function readStat(file) {
  try {
    const text = readFileSync(file, 'utf8');
    return { name: text.slice(text.indexOf('(') + 1, text.lastIndexOf(')')), ...ticksOf(text) };
  } catch {
    return null; // it has ended
  }
}

// threadTimes(cluster): { threads: Map 'process/thread/tid' -> seconds, idle: seconds }. The
// processes that Postgres started count as its threads.
export function threadTimes(cluster) {
  const threads = new Map();
  const postgres = new Map();
  for (const { name, role, pid } of cluster.processes) {
    if (role === 'postgres') postgres.set(pid, name);
    for (const [tid, thread] of tasksOf(pid)) {
      threads.set(`${name}/${thread.name}/${tid}`, thread.ticks / TICKS_PER_SECOND);
    }
  }
  if (postgres.size > 0) addChildren(postgres, threads);
  return { threads, ...machine() };
}

function* tasksOf(pid) {
  let tids = [];
  try {
    tids = readdirSync(`/proc/${pid}/task`);
  } catch {
    return; // it has ended
  }
  for (const tid of tids) {
    const thread = readStat(`/proc/${pid}/task/${tid}/stat`);
    if (thread) yield [tid, thread];
  }
}

function addChildren(parents, threads) {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const child = readStat(`/proc/${pid}/stat`);
    if (!child || !parents.has(child.parent)) continue;
    threads.set(`${parents.get(child.parent)}/${child.name}/${pid}`, child.ticks / TICKS_PER_SECOND);
  }
}

// Seconds that all cores together were idle, and that the hypervisor took.
function machine() {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/).slice(1).map(Number);
  return {
    idle: (fields[3] + fields[4]) / TICKS_PER_SECOND,
    steal: (fields[7] ?? 0) / TICKS_PER_SECOND,
  };
}

// busiest(before, after, seconds): [{ process, thread, cores }], those that count, busiest first.
export function busiest(before, after, seconds) {
  const rows = [];
  for (const [key, value] of after.threads) {
    const cores = (value - (before.threads.get(key) ?? 0)) / seconds;
    const [process, thread] = key.split('/');
    if (cores >= SHOWN_MIN) rows.push({ process, thread, cores });
  }
  return rows.sort((a, b) => b.cores - a.cores);
}

export function idleCores(before, after, seconds) {
  return Math.max(0, (after.idle - before.idle) / seconds);
}

// cpuTable(...): lines of text.
export function cpuTable(before, after, seconds) {
  const lines = ['Threads by CPU, in cores (1.00: the thread is saturated)'];
  for (const { process, thread, cores } of busiest(before, after, seconds)) {
    lines.push(`  ${cores.toFixed(2)}  ${process.padEnd(12)} ${thread}`);
  }
  const idle = idleCores(before, after, seconds);
  lines.push(`  ${idle.toFixed(2)}  of ${cpus().length} cores were idle`);
  return lines;
}
