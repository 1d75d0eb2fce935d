// A real Prometheus reads a cluster under load, with the recording rules and alerts: every metric that a dashboard, a rule or an autoscaler uses is
// there, no panel of a dashboard is empty, and nothing is there that docs/metrics.md does not know.
import assert from 'node:assert/strict';
import {readFileSync, writeFileSync} from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';

import {expressionsOf, valuesOf} from '../../deploy/monitoring/checks/dashboards.mjs';
import {concrete, inspect} from '../../deploy/monitoring/checks/promql.mjs';
import {readSources, ruleFiles} from '../../deploy/monitoring/checks/sources.mjs';
import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Loadgen} from '../support/loadgen.mjs';
import {Prometheus} from '../support/prometheus.mjs';

const PATIENCE_MS = 90_000;
// Everything since the start: what happens now and then, such as the building of a view, counts.
const WINDOW = '10m';
// Put where the variables are.
const ALL = {datasource: '', namespace: '.*', job: 'topgun-.*', instance: '.*'};

// What nothing but a fault makes, and why.
const EMPTY_WITHOUT_FAULTS = {
  'TopGun / Redis, Postgres and storage: Waiting for replicas': 'this Redis has no replicas to wait for',
};
const ABSENT_WITHOUT_FAULTS = {
  loadgen_errors_total: 'a series comes with the first ERROR frame of its code',
};

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// Requests that WebSocket clients do not make.
class HttpClient {
  constructor(url, ca) {
    this.url = new URL('/health', url.replace('wss', 'https'));
    this.ca = ca;
  }

  get() {
    return new Promise((resolve, reject) => {
      https.get(this.url, {ca: this.ca, agent: false}, (response) => response.resume().on('end', resolve)).on('error', reject);
    });
  }
}

// Calls `holds` for each item until it has held once for all of them, and gives back those for which it never did.
async function neverHeld(items, holds, meanwhile) {
  const deadline = Date.now() + PATIENCE_MS;
  let rest = items;
  for (;;) {
    const results = [];
    for (const item of rest) results.push(await holds(item));
    rest = rest.filter((_, i) => !results[i]);
    if (rest.length === 0 || Date.now() > deadline) return rest;
    await meanwhile();
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const selectorText = ({name, matchers}) => `${name}{${matchers.filter(({label}) => label !== '__name__')
    .map(({label, operator, value}) => `${label}${operator}${JSON.stringify(value)}`).join(',')}}`;

test('dashboards, rules and autoscalers see what they ask for', async (t) => {
  const {autoscalers, catalog, dashboards, rules} = readSources();
  const cluster = await Cluster.start(t, {tls: true, prometheus: true, storage: 1, env: {TOPGUN_RETENTION: '5s'}});
  const prometheus = await Prometheus.of(cluster, ruleFiles());
  // What happens before the first look at a process is in no rate.
  const services = await cluster.processes('gateway', 'sync', 'storage');
  await until(async () => (await prometheus.query('sum(up)'))[0]?.value === services.length,
              'Prometheus to read all services', PATIENCE_MS);
  const ca = path.join(cluster.dir, 'tls/ca.crt');
  const port = await freePort();
  writeFileSync(path.join(cluster.dir, 'run/targets-loadgen.yml'), `- targets: ["127.0.0.1:${port}"]\n  labels: {instance: "loadgen"}\n`);
  const loadgen = await Loadgen.start(t, cluster, '--tls-ca-file', ca, '--scenario', 'mixed', '--connections', '4', '--subscribers', '2',
                                      '--rate', '400', '--batch', '5', '--duration', '10m', '--prometheus', `127.0.0.1:${port}`);
  const http = new HttpClient((await cluster.urls())[0], readFileSync(ca));
  const goOn = async () => {
    assert.ok(loadgen.running, `the load generator has ended: ${loadgen.text}`);
    await http.get();
  };
  await goOn();

  // Panels first: they need the load for longest.
  const queries = dashboards.flatMap((dashboard) => expressionsOf(dashboard).map(({where, expr}) =>
    ({where, query: concrete(expr, {...valuesOf(dashboard), ...ALL}, WINDOW)})));
  assert.ok(queries.length > 250, 'the dashboards were found');
  const empty = await neverHeld(queries.filter(({where}) => !(where in EMPTY_WITHOUT_FAULTS)),
      async ({query}) => (await prometheus.query(query)).some(({value}) => Number.isFinite(value)), goOn);
  assert.deepEqual(empty, [], 'these show nothing under load');
  const places = new Set(queries.map(({where}) => where));
  for (const where of Object.keys(EMPTY_WITHOUT_FAULTS)) assert.ok(places.has(where), `no panel is called ${where} any more`);

  const used = [...queries.map(({query}) => query), ...rules.map(({expr}) => String(expr)), ...autoscalers.map(({expr}) => expr)]
      .flatMap((query) => inspect(query, catalog).selectors);
  // Labels of Kubernetes are not there.
  const selectors = new Set(used.filter(({name}) => !(name in ABSENT_WITHOUT_FAULTS))
      .map(({name, matchers}) => selectorText({name, matchers: matchers.filter(({label}) => !['namespace', 'pod'].includes(label))})));
  const absent = await neverHeld([...selectors], async (selector) => (await prometheus.query(`count(${selector})`)).length > 0, goOn);
  assert.deepEqual(absent, [], 'these are used and not emitted');
  const names = new Set(used.map(({name}) => name));
  for (const name of Object.keys(ABSENT_WITHOUT_FAULTS)) assert.ok(names.has(name), `${name} is not used any more`);

  // Without what Prometheus makes.
  const emitted = (await prometheus.names('job=~"topgun-.*"')).filter((name) => !/^scrape_|^ALERTS|:/.test(name));
  assert.ok(emitted.includes('gateway_ack_seconds_bucket') && emitted.includes('loadgen_acked_ops_total'));
  assert.deepEqual(emitted.filter((name) => !catalog.has(name)), [], 'these are emitted and not in docs/metrics.md');

  assert.deepEqual(await prometheus.failedRules(), []);
  await loadgen.report('SIGINT');
});
