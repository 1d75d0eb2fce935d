import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import test from 'node:test';

import {parseMetrics} from '../measure/gauges.mjs';
import {sumOfShards} from '../measure/persistence.mjs';
import {cpuMicroseconds, parseMachine, parseStat, parseStatm, residentBytes} from '../measure/processes.mjs';

test('a process name may hold anything', () => {
  const text = '42 (post) gres: (x) S 1 42 42 0 -1 4194560 1 2 3 4 11 22 33 44 20 0 1 0 100 1000 50';
  assert.deepEqual(parseStat(text), {cpuTicks: 33, reapedTicks: 77});
});

test('memory is told in pages', () => {
  assert.deepEqual(parseStatm('1000 30 10 1 0 5 0\n'), {residentBytes: 30 * 4096, sharedBytes: 10 * 4096});
});

test('time waiting for the disk is idle, stolen time is apart', () => {
  assert.deepEqual(parseMachine('cpu  100 10 50 9999 777 5 5 300 0 0\ncpu0 1 1 1 1\n'), {busySeconds: 1.7, stolenSeconds: 3});
});

test('the CPU of children that have ended counts', () => {
  const before = cpuMicroseconds(process.pid);
  spawnSync(process.execPath, ['-e', 'const end = Date.now() + 200; while (Date.now() < end);']);
  assert.ok(cpuMicroseconds(process.pid) > before);
});

test('a process that has ended has neither CPU nor memory', () => {
  const {pid} = spawnSync(process.execPath, ['-e', '']);
  assert.equal(cpuMicroseconds(pid), 0);
  assert.equal(residentBytes(pid), 0);
  assert.ok(residentBytes(process.pid) > 1 << 20);
});

test('everything is persisted when it is in every shard', () => {
  const done = [3, 10, 1000, 3, 10, 1000];
  assert.deepEqual(sumOfShards([done, done]), {entries: 20, bytes: 2000, unpersistedBytes: 0, persisted: true});
  assert.deepEqual(sumOfShards([done, [3, 10, 1000, 3, 8, 700]]), {entries: 20, bytes: 2000, unpersistedBytes: 300, persisted: false});
  // The count of an earlier incarnation says nothing.
  assert.equal(sumOfShards([[4, 10, 1000, 3, 10, 1000]]).persisted, false);
});

test('a metric is summed over its labels, and only if it is wanted', () => {
  const text = '# HELP a x\na{loop="0"} 1\na{loop="1"} 2.5\nab 100\nb 7\n';
  assert.deepEqual(parseMetrics(text, new Set(['a', 'b'])), {a: 3.5, b: 7});
});
