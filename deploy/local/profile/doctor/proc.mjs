// What the kernel knows of a process and of the machine.

import { readFileSync, readdirSync } from 'node:fs';

function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // it has ended, or it is another user's
  }
}

function field(text, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

function countOf(folder) {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
}

// readProcess(pid): { threads, fds, fdsMax, rssBytes, switches: { voluntary, forced } } of all its
// threads.
export function readProcess(pid) {
  const status = read(`/proc/${pid}/status`);
  const limits = read(`/proc/${pid}/limits`);
  const switches = { voluntary: 0, forced: 0 };
  let tids = [];
  try {
    tids = readdirSync(`/proc/${pid}/task`);
  } catch {
    // it has ended
  }
  for (const tid of tids) {
    const thread = read(`/proc/${pid}/task/${tid}/status`);
    switches.voluntary += field(thread, 'voluntary_ctxt_switches');
    switches.forced += field(thread, 'nonvoluntary_ctxt_switches');
  }
  return {
    threads: field(status, 'Threads'),
    fds: countOf(`/proc/${pid}/fd`),
    fdsMax: Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? 0),
    rssBytes: field(status, 'VmRSS') * 1024,
    switches,
  };
}

// readMachine(): what does not belong to a process.
export function readMachine() {
  const memory = read('/proc/meminfo');
  const kb = (name) => field(memory, name) * 1024;
  return {
    load1: Number(read('/proc/loadavg').split(' ')[0]),
    thp: /\[(\w+)\]/.exec(read('/sys/kernel/mm/transparent_hugepage/enabled'))?.[1] ?? 'unknown',
    memoryBytes: kb('MemTotal'),
    availableBytes: kb('MemAvailable'),
    swapUsedBytes: kb('SwapTotal') - kb('SwapFree'),
  };
}
