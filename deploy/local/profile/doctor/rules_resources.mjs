// Processes, CPU, memory, descriptors and the machine.

import { bytes, count, percent } from './format.mjs';
import { levels } from './judge.mjs';

const MIB = 1 << 20;

// The one with the highest value, and that value.
function worst(list, valueOf) {
  return list.reduce(
    (found, each) => (valueOf(each) > found.value ? { each, value: valueOf(each) } : found),
    { each: null, value: -Infinity },
  );
}

export const RESOURCE_RULES = [
  {
    id: 'readiness',
    what: 'whether all processes run and are ready',
    why: 'the others do its work, or nobody does',
    next: './topgun ps; ./topgun logs NAME',
    check({ processes, readiness }) {
      const away = [
        ...processes.filter(({ up }) => !up).map(({ name }) => `${name} is down`),
        ...readiness.filter(({ ready }) => !ready).map(({ name, reason }) => `${name}: ${reason}`),
        ...readiness
          .filter(({ ready, reason }) => ready && /degraded/.test(reason))
          .map(({ name, reason }) => `${name}: ${reason}`),
      ];
      return {
        severity: away.length > 0 ? 'problem' : 'ok',
        measured: away.length > 0 ? away.join('; ') : `${processes.length} processes`,
        threshold: 'one that is not',
      };
    },
  },
  {
    id: 'saturated-thread',
    what: 'the busiest thread',
    why: 'a thread that never sleeps bounds what its process does, however many cores idle',
    next: './topgun profile cpu --process NAME; more loops or processes of that kind',
    check({ threads }) {
      if (threads.length === 0) return null;
      const { each, value } = worst(threads, ({ cores }) => cores);
      return {
        severity: levels(value, { notice: 0.9 }),
        measured: `${each.process} ${each.thread}: ${percent(value)} of a core`,
        threshold: '90%',
      };
    },
  },
  {
    id: 'steal',
    what: 'CPU taken by other machines of the hypervisor, and runnable threads per core',
    why: 'latency that no process here causes',
    next: 'vmstat 1   (columns st and r)',
    check({ stealCores, cores, machine }) {
      const share = stealCores / cores;
      return {
        severity: levels(share, { notice: 0.05, problem: 0.25 }),
        measured: `${percent(share)} stolen, load ${count(machine.load1)} on ${cores} cores`,
        threshold: '5% stolen (problem: 25%)',
      };
    },
  },
  {
    id: 'descriptors',
    what: 'open file descriptors against their limit',
    why: 'at the limit connections are refused',
    next: 'raise the limit (ulimit -n, LimitNOFILE) or --connections-max accordingly',
    check({ processes }) {
      const limited = processes.filter(({ fdsMax }) => fdsMax > 0);
      if (limited.length === 0) return null;
      const { each, value } = worst(limited, ({ fds, fdsMax }) => fds / fdsMax);
      return {
        severity: levels(value, { notice: 0.7, problem: 0.9 }),
        measured: `${each.name}: ${each.fds} of ${each.fdsMax}`,
        threshold: '70% (problem: 90%)',
      };
    },
  },
  {
    id: 'memory-growth',
    what: 'growth of resident memory',
    why: 'steady growth ends with the process killed; after a start or a change of load it is normal',
    next: './topgun profile heap --process NAME   (compare two)',
    check({ processes, seconds }) {
      const ours = processes.filter(({ role }) => ['gateway', 'sync', 'storage'].includes(role));
      if (ours.length === 0) return null;
      const { each, value } = worst(ours, (process) => process.rssGrowthBytesPerS);
      const share = (value * seconds) / Math.max(1, each.rssBytes);
      return {
        severity: share > 0.05 ? levels(value, { notice: 8 * MIB, problem: 50 * MIB }) : 'ok',
        measured: `${each.name}: ${bytes(value)}/s, now ${bytes(each.rssBytes)}`,
        threshold: 'above 5% in all: 8 MiB/s (problem: 50 MiB/s)',
      };
    },
  },
  {
    id: 'memory-left',
    what: 'memory that the machine has left',
    why: 'when it is out, the kernel ends a process, usually Redis',
    next: './topgun profile heap; free -m',
    check({ machine }) {
      const used = 1 - machine.availableBytes / machine.memoryBytes;
      return {
        severity: levels(used, { notice: 0.85, problem: 0.95 }),
        measured: `${bytes(machine.availableBytes)} of ${bytes(machine.memoryBytes)}, ${bytes(machine.swapUsedBytes)} swapped`,
        threshold: '85% used (problem: 95%)',
      };
    },
  },
  {
    id: 'huge-pages',
    what: 'transparent huge pages',
    why: 'with `always`, copy-on-write while Redis rewrites its file copies 2 MiB at a time',
    next: 'echo madvise > /sys/kernel/mm/transparent_hugepage/enabled',
    check({ machine }) {
      if (machine.thp === 'unknown') return null;
      return {
        severity: machine.thp === 'always' ? 'notice' : 'ok',
        measured: machine.thp,
        threshold: 'always',
      };
    },
  },
  {
    id: 'context-switches',
    what: 'context switches per operation',
    why: 'a blocking wake-up costs microseconds of kernel time: under load many ops must share one',
    next: './topgun profile flame   (time in the kernel)',
    check({ processes, gateway: { opsPerS } }) {
      if (opsPerS < 10_000) return null;
      const all = processes.reduce((sum, { switchesPerS }) => sum + switchesPerS, 0);
      return {
        severity: levels(all / opsPerS, { notice: 2 }),
        measured: `${count(all)}/s, ${count(all / opsPerS)} per op`,
        threshold: '2 per op above 10 000 ops/s',
      };
    },
  },
];
