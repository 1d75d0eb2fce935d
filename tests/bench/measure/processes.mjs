// CPU time and memory of processes together with everything they forked, from /proc.
import {readFileSync} from 'node:fs';

const US_PER_TICK = 10_000;  // Linux reports to programs in hundredths of a second, whatever its own clock does
const PAGE_BYTES = 4096;

// {cpuTicks, reapedTicks} from the text of /proc/PID/stat; the name in it may hold spaces and parentheses.
export function parseStat(text) {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [user, system, childUser, childSystem] = fields.slice(11, 15).map(Number);
  return {cpuTicks: user + system, reapedTicks: childUser + childSystem};
}

// {residentBytes, sharedBytes} from the text of /proc/PID/statm.
export function parseStatm(text) {
  const [, resident, shared] = text.split(' ').map(Number);
  return {residentBytes: resident * PAGE_BYTES, sharedBytes: shared * PAGE_BYTES};
}

// Busy and stolen core seconds of the whole machine since its start, from the text of /proc/stat.
export function parseMachine(text) {
  const [user, nice, system, , , irq, softirq, steal] = text.slice(0, text.indexOf('\n')).trim().split(/\s+/).slice(1).map(Number);
  return {busySeconds: (user + nice + system + irq + softirq) / 100, stolenSeconds: steal / 100};
}

const NOTHING = {cpuTicks: 0, reapedTicks: 0};

function read(path, parse, otherwise) {
  try {
    return parse(readFileSync(path, 'latin1'));
  } catch {
    return otherwise;  // it has ended
  }
}

function family(pid) {
  const children = read(`/proc/${pid}/task/${pid}/children`, (text) => text.trim().split(' ').filter(Boolean).map(Number), []);
  return [pid, ...children.flatMap(family)];
}

// Postgres works in backends of its own and Redis forks to rewrite its file; what has ended is in the parent's account.
export function cpuMicroseconds(pid) {
  let ticks = 0;
  for (const member of family(pid)) {
    const {cpuTicks, reapedTicks} = read(`/proc/${member}/stat`, parseStat, NOTHING);
    ticks += cpuTicks + reapedTicks;
  }
  return ticks * US_PER_TICK;
}

// CPU time of the children of this program that have ended.
export function reapedMicroseconds() {
  return read('/proc/self/stat', parseStat, NOTHING).reapedTicks * US_PER_TICK;
}

// Memory of a process and its children; what they share counts once.
export function residentBytes(pid) {
  let own = 0;
  let shared = 0;
  for (const member of family(pid)) {
    const memory = read(`/proc/${member}/statm`, parseStatm, {residentBytes: 0, sharedBytes: 0});
    own += memory.residentBytes - memory.sharedBytes;
    shared = Math.max(shared, memory.sharedBytes);
  }
  return own + shared;
}

export function machine() {
  return read('/proc/stat', parseMachine, {busySeconds: 0, stolenSeconds: 0});
}
