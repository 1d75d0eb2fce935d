// Redis and Postgres have no admin port of ours: what the kernel says about them, and how to look
// further with perf and gdb where that is allowed.

import { readFileSync, readdirSync } from 'node:fs';
import { spawnSync } from 'node:child_process';

const TICKS_PER_SECOND = 100; // USER_HZ, on every Linux that Debian supports

function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, parent, ...rest] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state, parent: Number(parent), ticks: Number(rest[9]) + Number(rest[10]) };
  } catch {
    return null; // it has ended
  }
}

// The process and, of Postgres, the ones that serve connections.
function family(pid) {
  const members = [pid];
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name) && statOf(name)?.parent === pid) members.push(Number(name));
  }
  return members;
}

// cpuSeconds(cluster): Map from the name of a store to the CPU seconds it has used so far.
export function cpuSeconds(cluster) {
  const used = new Map();
  for (const { role, name, pid } of cluster.processes) {
    if (role !== 'redis' && role !== 'postgres') continue;
    const ticks = family(pid).reduce((sum, member) => sum + (statOf(member)?.ticks ?? 0), 0);
    used.set(name, ticks / TICKS_PER_SECOND);
  }
  return used;
}

function perfWorks(pid) {
  const tried = spawnSync('perf', ['record', '-e', 'cpu-clock', '-o', '/dev/null', '-p', pid, '--', 'true']);
  return tried.status === 0;
}

// storeNote(cluster, before): lines that say what the stores have used since `before`, and how to
// see inside.
export function storeNote(cluster, before) {
  const lines = [''];
  for (const [name, seconds] of cpuSeconds(cluster)) {
    const { role, pid } = cluster.processes.find((process) => process.name === name);
    const used = seconds - before.get(name);
    lines.push(`${name} (pid ${pid}): ${used.toFixed(2)} s of CPU meanwhile`);
    const target = role === 'postgres' ? family(pid).join(',') : String(pid);
    lines.push(
      perfWorks(target)
        ? `  inside: perf record -e cpu-clock -g -p ${target} -- sleep 10; perf report`
        : '  inside: needs perf (Debian linux-perf) and the right to use it on that process: root, ' +
            'CAP_PERFMON or the same user',
    );
  }
  return `${lines.join('\n')}\n`;
}
