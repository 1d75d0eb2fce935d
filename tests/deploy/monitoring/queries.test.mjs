// Rules and autoscalers only ask for what there is; and what each check of PromQL catches.
import assert from 'node:assert/strict';
import test from 'node:test';

import {addRecorded, seriesOf} from './checks/catalog.mjs';
import {concrete, inspect} from './checks/promql.mjs';
import {checkExpressions, checkRules} from './checks/rules.mjs';
import {readSources} from './checks/sources.mjs';

const {autoscalers, catalog, metrics, rules} = readSources();

test('rules ask for what there is', () => assert.deepEqual(checkRules(rules, catalog), []));

test('autoscalers ask for what there is', () => {
  assert.ok(autoscalers.length >= 2, 'the autoscaler of the gateways and the rule for its metric were found');
  assert.deepEqual(checkExpressions(autoscalers, catalog), []);
});

// Metrics of a small world.
const labels = (entries) => new Map(Object.entries(entries));
const world = seriesOf(new Map([
  ['ops_total', {type: 'counter', labels: labels({outcome: new Set(['applied', 'stale']), code: null})}],
  ['ack_seconds', {type: 'histogram', labels: labels({level: null})}],
  ['open_files', {type: 'gauge', labels: labels({})}],
]));
const findings = (expression) => inspect(expression, world).findings;

test('what is right is left alone', () => {
  for (const expression of [
    'sum by (outcome) (rate(ops_total{outcome=~"applied|stale", job=~".*"}[5m]))',
    'histogram_quantile(0.99, (sum by (le, level) (rate(ack_seconds_bucket[5m]))))',
    'sum by (job) (open_files) / on (job) group_left () sum by (job) (rate(ack_seconds_count[1m]))',
    'absent(up{job="topgun-gateway"}) or on () vector(0)',
    'label_replace(deriv(open_files[5m]), "node", "$1", "instance", "(.*)-.*")',
    'max without (instance) (open_files) > bool 3 and on () time() > 0',
  ]) assert.deepEqual(findings(expression), [], expression);
});

const NEGATIVES = [
  ['sum by (outcome (rate(ops_total[5m]))', /syntax error/],
  ['frobnicate(open_files)', /syntax error/],
  ['ops', /there is no metric ops$/],
  ['rate(ack_seconds[5m])', /there is no metric ack_seconds$/],
  ['{__name__="ops"}', /there is no metric ops$/],
  ['open_files{outcome="stale"}', /open_files has no label outcome/],
  ['ops_total{outcome="lost"}', /outcome of ops_total is never lost: it is one of applied, stale/],
  ['ops_total{outcome=~"applied|lost"}', /never lost/],
  ['ops_total{outcome=~"x.*"}', /never x/],
  ['sum by (level) (ops_total)', /what it aggregates has no label level/],
  ['sum by (outcome) (sum by (code) (ops_total))', /what it aggregates has no label outcome/],
  ['open_files / on (level) open_files', /neither side has a label level/],
  ['histogram_quantile(0.9, rate(ack_seconds_bucket[5m]))', /without sum by \(le\)/],
  ['histogram_quantile(0.9, sum by (level) (rate(ack_seconds_bucket[5m])))', /without sum by \(le\)/],
  ['histogram_quantile(0.9, avg by (le) (rate(ack_seconds_bucket[5m])))', /without sum by \(le\)/],
  ['rate(open_files[5m])', /rate of the gauge open_files/],
  ['deriv(ops_total[5m])', /deriv of the counter ops_total/],
];

for (const [expression, finding] of NEGATIVES) {
  test(`found: ${expression}`, () => assert.match(findings(expression).join('\n'), finding));
}

test('recorded metrics have the labels of their rules', () => {
  const own = new Map(world);
  const some = [
    // Builds upon the next.
    {group: 'g', record: 'job:ack_seconds:p99', expr: 'histogram_quantile(0.99, job_le:ack_seconds:rate5m)'},
    {group: 'g', record: 'job_le:ack_seconds:rate5m', expr: 'sum by (job, le) (rate(ack_seconds_bucket[5m]))'},
    {group: 'g', alert: 'Slow', expr: 'job:ack_seconds:p99 > 1', labels: {severity: 'page'},
     annotations: {summary: '{{ $labels.job }} {{ $labels.severity }}'}},
  ];
  addRecorded(own, some);
  assert.deepEqual(checkRules(some, own), []);
  assert.deepEqual(checkRules([{group: 'g', alert: 'A', expr: 'sum by (le) (job:ack_seconds:p99)'}], own),
                   ['g: A: sum by (le) (job:ack_seconds:p99)'.replace(/sum.*/, 'by (le): what it aggregates has no label le')]);
  assert.deepEqual(checkRules([{group: 'g', alert: 'B', expr: 'open_files', annotations: {summary: '{{ $labels.level }}'}}], own),
                   ['g: B: an annotation names level, which the result does not have']);
  assert.deepEqual(checkRules([{group: 'g', record: 'a:b', expr: 'nothing > 0'}], own), ['g: a:b: there is no metric nothing']);
});

test('an autoscaler that asks for something else is found', () => {
  assert.deepEqual(checkExpressions([{where: 'topgun-gateway', expr: 'gateway_sockets'}], catalog),
                   ['topgun-gateway: there is no metric gateway_sockets']);
});

test('variables become numbers and patterns', () => {
  assert.equal(concrete('rate(a{job=~"$job"}[$__rate_interval]) > ${limit}', {job: '.*', limit: '5'}, '9s'), 'rate(a{job=~".*"}[9s]) > 5');
});

test('the page of metrics was understood', () => {
  assert.equal(metrics.get('gateway_ack_seconds').type, 'histogram');
  assert.ok(metrics.get('gateway_closes_total').labels.get('reason').has('slow_consumer'));
  assert.equal(metrics.get('gateway_frames_total').labels.get('type'), null);
  assert.ok(catalog.get('gateway_ack_seconds_bucket').labels.has('le'));
});
