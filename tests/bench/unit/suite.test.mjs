import assert from 'node:assert/strict';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';

import {UsageError, parseDuration, parseOptions, parseShare} from '../options.mjs';
import {findRows, rows} from '../rows/index.mjs';
import {Suite, plan} from '../suite.mjs';

const parse = (...args) => parseOptions(args, {defaultData: '/d'});
const refused = (pattern, ...args) => assert.throws(() => parse(...args), (error) => error instanceof UsageError && pattern.test(error.message));

test('options have their defaults', () => {
  assert.deepEqual(parse(), {mode: 'quick', rows: [], runs: undefined, duration: undefined, list: false, tolerance: 0.1, data: '/d'});
  assert.deepEqual(parse('--full', '--row', 'put', '--row', 'single', '--runs', '3', '--duration', '2m').rows, ['put', 'single']);
  assert.equal(parse('--compare', '/x.json', '--tolerance', '5%').tolerance, 0.05);
});

test('wrong options are named', () => {
  refused(/Unknown option '--fast'/, '--fast');
  refused(/--quick and --full/, '--quick', '--full');
  refused(/--runs takes a number from 1 to 100, not '0'/, '--runs', '0');
  refused(/--duration takes .* not 'soon'/, '--duration', 'soon');
  refused(/--tolerance takes .* not '10'/, '--compare', 'x', '--tolerance', '10');
  refused(/--tolerance is of use with --compare/, '--tolerance', '10%');
  refused(/--row was decided when/, '--resume', 'x', '--row', 'put');
  assert.throws(() => findRows(['puts']), /no row 'puts'; there are put,/);
});

test('times and shares', () => {
  assert.deepEqual(['2', '2s', '1.5m', '1h'].map(parseDuration), [2, 2, 90, 3600]);
  assert.throws(() => parseDuration('0s'), UsageError);
  assert.deepEqual(['0%', '12.5%'].map(parseShare), [0, 0.125]);
});

test('every row can be planned in both modes, by names that are unique', () => {
  assert.equal(new Set(rows.map(({name}) => name)).size, rows.length);
  for (const mode of ['quick', 'full']) {
    const jobs = plan({mode, rows: []}, '/s');
    assert.equal(new Set(jobs.map(({file}) => file)).size, jobs.length);
    assert.deepEqual(new Set(jobs.map(({row}) => row)), new Set(rows));
    for (const {point, times} of jobs) {
      assert.ok(point.load(times).every((argument) => typeof argument === 'string' && !argument.includes('undefined')));
    }
  }
});

test('runs and durations asked for replace those of the mode', () => {
  const jobs = plan({mode: 'full', rows: ['put'], runs: 2, duration: 7}, '/s');
  assert.deepEqual(jobs.map(({index, of, times}) => [index, of, times.duration]), [[1, 2, 7], [2, 2, 7]]);
});

test('a suite goes on with what is missing', (t) => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-unit.'));
  t.after(() => rmSync(dir, {recursive: true}));
  const first = Suite.create(dir, {mode: 'quick', rows: ['put'], runs: 2});
  assert.throws(() => Suite.create(dir, {}), /holds a suite already/);
  mkdirSync(path.dirname(first.jobs[0].file), {recursive: true});
  writeFileSync(first.jobs[0].file, '{"ops": 1}');
  const again = Suite.resume(dir);
  assert.deepEqual(again.missing.map(({index}) => index), [2]);
  assert.deepEqual(again.results().map(({row, runs}) => [row.name, runs]), [['put', {all: [{ops: 1}]}]]);
  assert.throws(() => Suite.resume(path.join(dir, 'none')), /there is no suite in/);
});
