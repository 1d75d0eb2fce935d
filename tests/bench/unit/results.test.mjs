import assert from 'node:assert/strict';
import test from 'node:test';

import {compareReports} from '../compare.mjs';
import {goodness, summarizeRow} from '../results.mjs';
import {ackedRate, backlogGrowth, cost, latency} from '../rows/metrics.mjs';
import {matrixRow} from '../rows/matrix.mjs';
import {idleRow} from '../rows/merkle.mjs';
import {growingQueues, memoryDrifts, soakRow} from '../rows/soak.mjs';
import {sampleRun} from './sample_run.mjs';

const row = {name: 'put', title: 'PUT', metrics: [ackedRate(90, '60 k/s'), latency('p50', 1), cost()]};
const metric = (summarized, name) => summarized.metrics.find((each) => each.name === name);

test('a row shows medians and whether they meet the targets', () => {
  const summarized = summarizeRow(row, {all: [sampleRun({rate: 80}), sampleRun({rate: 100}), sampleRun({rate: 120})]});
  const {median, min, max, ratio, verdict, reference} = metric(summarized, 'acked');
  assert.deepEqual({median, min, max, verdict, reference}, {median: 100, min: 80, max: 120, verdict: 'met', reference: '60 k/s'});
  assert.ok(Math.abs(ratio - 100 / 90) < 1e-9);
  assert.equal(metric(summarized, 'p50').verdict, 'missed');
  assert.equal(metric(summarized, 'cost').verdict, 'reported');
  assert.ok(Math.abs(metric(summarized, 'cost').median - 10) < 1e-9);
});

test('cost per operation is told per process', () => {
  const [point] = summarizeRow(row, {all: [sampleRun({costUs: 10})]}).points;
  assert.deepEqual(point.costs, {'gateway-0': 4, 'sync-0': 6});
});

test('a failed run counts for nothing but itself', () => {
  const failed = {point: 'all', valid: false, problems: ['the cluster did not start'], ops: 0, cpuUs: {}};
  const summarized = summarizeRow(row, {all: [failed, sampleRun({rate: 100})]});
  assert.equal(metric(summarized, 'acked').median, 100);
  assert.deepEqual(summarized.problems, ['the cluster did not start']);
  assert.equal(metric(summarizeRow(row, {all: [failed]}), 'acked').verdict, 'failed');
});

test('when the generator was the bottleneck there is no verdict about the cluster', () => {
  assert.equal(metric(summarizeRow(row, {all: [sampleRun({rate: 10, valid: false})]}), 'acked').verdict, 'invalid');
});

test('the matrix compares its dearest point with its cheapest', () => {
  const runs = (...costs) => costs.map((costUs) => sampleRun({costUs}));
  const summarized = summarizeRow(matrixRow, {base: runs(10, 11, 12), 'keys-1M': runs(22)});
  assert.equal(metric(summarized, 'cost-ratio').median, 2);
  assert.equal(metric(summarized, 'cost-ratio').verdict, 'missed');
  // As long as a point is missing nothing is known.
  assert.equal(metric(summarizeRow(matrixRow, {base: runs(10), 'keys-1M': []}), 'cost-ratio').verdict, 'failed');
});

test('a backlog grows when it does so throughout the load, measured against the feed', () => {
  const {of} = backlogGrowth(5);
  const t = sampleRun().series.t;
  // 1 MiB/s is written; a tenth of it stays behind.
  assert.ok(Math.abs(of(sampleRun({backlog: t.map((x) => x * 2 ** 20 / 10)})) - 10) < 0.1);
  assert.equal(of(sampleRun()), 0);
  const short = {t: t.slice(0, 5), backlog: t.slice(0, 5)};
  assert.equal(metric(summarizeRow({...row, metrics: [backlogGrowth(5)]}, {all: [sampleRun({series: short})]}), 'backlog-growth').verdict, 'unknown');
});

test('better is above 1 in both directions', () => {
  assert.equal(goodness('higher', 20, 10), 2);
  assert.equal(goodness('lower', 20, 10), 0.5);
  assert.equal(goodness('lower', 0, 0), 1);
});

test('a comparison finds what is worse beyond the tolerance, in either direction', () => {
  const report = (rate, p50) => ({rows: [summarizeRow(row, {all: [sampleRun({rate, p50})]})]});
  const lines = compareReports(report(100, 1000), report(91, 1200), 0.1);
  assert.deepEqual(lines.map(({metric: name, beyond}) => [name, beyond]), [['acked', false], ['p50', true], ['cost', false]]);
  assert.equal(compareReports(report(100, 1000), report(89, 1000), 0.1)[0].beyond, true);
});

test('rows that only one report has are not compared', () => {
  const report = (name) => ({rows: [{...summarizeRow(row, {all: [sampleRun()]}), name}]});
  assert.deepEqual(compareReports(report('put'), report('single'), 0.1), []);
});

test('the soak names what grows, per process and per queue', () => {
  const t = Array.from({length: 400}, (_, i) => i * 4);
  const series = {t, backlog: t, 'rss gateway-0': t.map((x) => (100 << 20) + x * 1e5), 'rss redis': t.map((x) => (100 << 20) + x % 3)};
  const gauges = {'sync-0 sync_queue_bytes': {t, value: t.map((x) => 5 * x)}, 'gateway-0 gateway_waiting_ops': {t, value: t.map((x) => x % 50)}};
  const run = sampleRun({series, gauges, loadSeconds: 1600});
  const drifts = memoryDrifts(run);
  assert.deepEqual(drifts.map(({name, grows}) => [name, grows]), [['gateway-0', true], ['redis', false]]);
  assert.ok(Math.abs(drifts[0].slope - 1e5 * 3600 / 2 ** 20) < 1);
  assert.deepEqual(growingQueues(run), ['sync-0 sync_queue_bytes']);
  const summarized = summarizeRow(soakRow, {all: [run]});
  assert.deepEqual(['growing-processes', 'growing-queues'].map((name) => metric(summarized, name).verdict), ['missed', 'missed']);
});

test('an idle connection costs what the gateway grows by, not the teardown', () => {
  const t = [0, 10, 20, 30];
  const series = {t, backlog: t, 'rss gateway-0': [10 << 20, 60 << 20, 110 << 20, 500 << 20], 'cpu gateway-0': [0, 0, 5e6, 9e6]};
  const summarized = summarizeRow(idleRow, {all: [sampleRun({series, residentBefore: {'gateway-0': 10 << 20}})]});
  assert.equal(metric(summarized, 'connection-bytes').median, 10.24);
  assert.equal(metric(summarized, 'idle-cores').median, 0.5);
  // Operations are not what this row is about.
  assert.deepEqual(summarized.points[0].costs, {});
  assert.equal(summarized.points[0].totalCost, null);
});
