// The load generator against a real cluster: two agents that act as one, their work verified, and what the services say about it.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import path from 'node:path';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import test from 'node:test';
import {promisify} from 'node:util';

import {Cluster} from '../support/cluster.mjs';
import {startAgent} from '../support/loadgen.mjs';

const run = promisify(execFile);
const loadgen = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../build/release/bin/topgun-loadgen');

test('two agents are one verified run', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 1, storage: 1});
  const dir = mkdtempSync('/tmp/topgun-loadgen.');
  t.after(() => rmSync(dir, {recursive: true, force: true}));
  const env = {...process.env, JWT_SECRET: readFileSync(path.join(cluster.dir, 'run/secret'), 'utf8').trim()};
  const agents = [await startAgent(t, cluster), await startAgent(t, cluster)];
  const services = await cluster.processes('gateway', 'sync', 'storage');
  const file = (name) => path.join(dir, name);
  const {stdout} = await run(loadgen, [
    '--agents', agents.map(({address}) => address).join(','),
    ...(await cluster.urls()).flatMap((url) => ['--url', url]),
    '--metrics', services.map(({name, ports}) => `${name}=http://127.0.0.1:${ports.admin}/metrics`).join(','),
    '--connections', '10', '--subscribers', '2', '--batch', '20', '--inflight', '3', '--ops', '100000',
    '--maps', '4', '--map-type', 'mixed', '--keys', '200', '--remove-ratio', '0.2', '--verify', 'acks',
    '--threshold', 'rate>10', '--threshold', 'findings<1', '--json', file('json'), '--html', file('html'),
  ], {env, maxBuffer: 1 << 24});
  t.diagnostic(stdout);

  const report = JSON.parse(readFileSync(file('json'), 'utf8'));
  assert.equal(report.exit_code, 0, report.problems.join('\n'));
  assert.equal(report.throughput.ops_acked, 100_000);
  assert.deepEqual(report.agents.map(({name}) => name), agents.map(({address}) => address));
  assert.equal(report.agents.reduce((sum, {ops_acked}) => sum + ops_acked, 0), 100_000);
  assert.equal(report.latency.ack.count, 100_000);
  assert.ok(report.latency.propagation.count > 0);
  assert.equal(report.verify.passed, true);
  assert.equal(report.verify.acked_ops, 100_000);
  assert.ok(report.verify.keys_checked > 0 && report.verify.tags_checked > 0);

  assert.deepEqual(Object.keys(report.server.services).sort(), services.map(({name}) => name).sort());
  for (const [name, service] of Object.entries(report.server.services)) {
    assert.equal(service.error, '', name);
    assert.ok(service.resident_bytes > 0, name);
    assert.match(service.version, /\(.+\)/, name);
  }
  assert.ok(report.server.work['Redis commits'].count > 0);
  assert.ok('persistence lag' in report.server.backlog);
  assert.deepEqual(report.thresholds.map(({passed}) => passed), [true, true]);
  assert.match(readFileSync(file('html'), 'utf8'), /<polyline[^>]+points="[\d.]+,/);

  // Steps by the same agents: each is shared out, and reported as one.
  const steps = await run(loadgen, [
    '--agents', agents.map(({address}) => address).join(','), ...(await cluster.urls()).flatMap((url) => ['--url', url]),
    '--connections', '4', '--batch', '10', '--warmup', '0s', '--steps', '500,1k:2s', '--map-prefix', 'steps', '--json', file('steps'),
  ], {env, maxBuffer: 1 << 24}).catch((error) => error); // whether this machine keeps a schedule is not the question
  t.diagnostic(steps.stdout);
  const course = JSON.parse(readFileSync(file('steps'), 'utf8')).steps;
  assert.deepEqual(course.map(({planned_ops_per_s}) => planned_ops_per_s), [500, 1000]);
  for (const step of course) {
    assert.equal(step.agents.length, 2);
    assert.equal(step.agents.reduce((sum, {ops_acked}) => sum + ops_acked, 0), step.throughput.ops_acked);
    assert.ok(step.latency.ack.count > 0);
    assert.doesNotMatch(step.problems.join(), /lost agent|never acknowledged/);
  }

  agents[0].agent.kill('SIGTERM');
  const [code] = await once(agents[0].agent, 'exit');
  assert.equal(code, 0);
});
