// Reading /metrics and Redis.
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {delta, histogram, total} from '../../../deploy/local/profile/common/histograms.mjs';
import {commandStats, parse, parseInfo, scriptDelta} from '../../../deploy/local/profile/common/resp.mjs';

const samples = (object) => new Map(Object.entries(object));

test('totals and differences, over all series or those with a label', () => {
  const before = samples({'ops_total{code="a"}': 1, 'ops_total{code="b"}': 5, ops_total_other: 100});
  const after = samples({'ops_total{code="a"}': 4, 'ops_total{code="b"}': 5});
  assert.equal(total(before, 'ops_total'), 6);
  assert.equal(total(before, 'ops_total', {code: 'b'}), 5);
  assert.equal(delta(before, after, 'ops_total'), 3);
  assert.equal(delta(before, after, 'ops_total', {code: 'b'}), 0);
});

test('quantiles of what was observed in between', () => {
  const at = (low, high, sum) => samples({
    'x_seconds_bucket{loop="0",le="1"}': low,
    'x_seconds_bucket{loop="0",le="2"}': high,
    'x_seconds_bucket{loop="0",le="+Inf"}': high,
    x_seconds_sum: sum,
    x_seconds_count: high,
  });
  const seen = histogram(at(1000, 1000, 10), at(1000, 1100, 160), 'x_seconds');
  assert.equal(seen.count, 100);
  assert.equal(seen.mean, 1.5);
  assert.ok(Math.abs(seen.p50 - 1.5) < 1e-9); // the 1000 of before do not count
  assert.ok(Math.abs(seen.p99 - 1.99) < 1e-9);
  assert.deepEqual(histogram(at(1, 1, 1), at(1, 1, 1), 'x_seconds'), {count: 0, mean: 0, p50: 0, p99: 0});
});

test('answers of Redis, whole and in pieces', () => {
  const bytes = Buffer.from('*3\r\n:5\r\n$2\r\nhi\r\n*1\r\n+OK\r\n');
  assert.deepEqual(parse(bytes, 0).value, [5, 'hi', ['OK']]);
  for (let size = 0; size < bytes.length; ++size) assert.equal(parse(bytes.subarray(0, size), 0), null);
  assert.ok(parse(Buffer.from('-ERR no\r\n'), 0).value instanceof Error);
  assert.equal(parse(Buffer.from('$-1\r\n'), 0).value, null);
});

test('scripts that ran in between', () => {
  const stats = (calls, usec) => commandStats(parseInfo(`# Commandstats\r\ncmdstat_evalsha:calls=${calls},usec=${usec},usec_per_call=1\r\n`));
  assert.deepEqual(scriptDelta(stats(10, 100), stats(30, 5100)), {calls: 20, usec: 5000, meanUs: 250});
  assert.deepEqual(scriptDelta(new Map(), new Map()), {calls: 0, usec: 0, meanUs: 0});
});
