import assert from 'node:assert/strict';
import test from 'node:test';

import {RandomMoments} from '../measure/moments.mjs';
import {ONE_PER_MILLE, drift, line, median, summary, thin} from '../measure/statistics.mjs';

const range = (count) => Array.from({length: count}, (_, i) => i);
// Deterministic noise in [-1, 1].
const noise = (i) => Math.sin(i * 12.9898) * 43758.5453 % 1;

test('the median is the middle, or between the two in the middle', () => {
  assert.equal(median([9, 1, 5]), 5);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([]), null);
});

test('a summary leaves out what is no number', () => {
  assert.deepEqual(summary([3, null, 1, undefined, 2]), {median: 2, min: 1, max: 3, count: 3});
  assert.equal(summary([null]), null);
});

test('a line through points on a line has their slope and no error', () => {
  const {slope, intercept, error} = line([0, 1, 2, 3], [5, 7, 9, 11]);
  assert.deepEqual([slope, intercept, error], [2, 5, 0]);
  assert.equal(line([1, 1, 1], [1, 2, 3]), null);
  assert.equal(line([1, 2], [1, 2]), null);
});

test('what grows under noise is found, with its slope', () => {
  const xs = range(600);
  const found = drift(xs, xs.map((x) => 1000 + x + 20 * noise(x)));
  assert.equal(found.grows, true);
  assert.ok(Math.abs(found.slope - 1) < 0.05, `slope ${found.slope}`);
});

test('noise alone does not grow, and neither does what stops growing with the warm-up', () => {
  const xs = range(600);
  assert.equal(drift(xs, xs.map((x) => 1000 + 20 * noise(x))).grows, false);
  assert.equal(drift(xs, xs.map((x) => 1000 + 5 * Math.min(x, 190) + 20 * noise(x))).grows, false);
});

test('a saw-tooth does not grow', () => {
  const xs = range(600);
  assert.equal(drift(xs, xs.map((x) => 1000 + x % 37)).grows, false);
});

// Deterministic, in [0, 1).
function randomNumbers(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

test('random moments fall into one period each', () => {
  const moments = new RandomMoments(2000, randomNumbers(1));
  for (const period of range(100)) assert.equal(Math.floor(moments.next() / 2000), period);
});

test('a saw-tooth that is looked at in step with itself seems to grow, at random moments it does not', () => {
  const sawTooth = (seconds) => 5e6 * (seconds % 1);
  const grows = (xs) => drift(xs, xs.map(sawTooth), {chance: ONE_PER_MILLE}).grows;
  assert.equal(grows(range(600).map((i) => 2.001 * i)), true);
  const mistaken = range(200).filter((seed) => {
    const moments = new RandomMoments(2, randomNumbers(seed));
    return grows(range(600).map(() => moments.next()));
  });
  assert.ok(mistaken.length <= 2, `of 200, ${mistaken.length}`);
});

test('the growth of a saw-tooth is found at random moments', () => {
  const moments = new RandomMoments(2, randomNumbers(7));
  const xs = range(600).map(() => moments.next());
  assert.equal(drift(xs, xs.map((x) => 5e6 * (x % 1) + 2e3 * x), {chance: ONE_PER_MILLE}).grows, true);
});

test('a growth below the floor does not count', () => {
  const xs = range(600);
  const ys = xs.map((x) => x / 100);
  assert.equal(drift(xs, ys).grows, true);
  assert.equal(drift(xs, ys, {floor: 10}).grows, false);
});

test('too few samples allow no statement', () => {
  assert.equal(drift(range(10), range(10)), null);
  assert.equal(drift([], []), null);
});

test('thinning keeps columns in step', () => {
  const {a, b} = thin({a: range(1000), b: range(1000).map((x) => -x)}, 100);
  assert.equal(a.length, 100);
  assert.deepEqual(b, a.map((x) => -x));
  assert.deepEqual(thin({a: [1, 2]}, 100), {a: [1, 2]});
});
