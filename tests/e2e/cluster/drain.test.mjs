// A gateway that is told to stop under thousands of connections and load: they leave it one after the other, all of them find the other gateway,
// and nothing that was acknowledged is missing.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Loadgen} from '../support/loadgen.mjs';

const WANTED = 5000;
// Of a gateway and of the load generator, beside the connections.
const OTHER_FILES = 500;

function connectionsThatFit(t) {
  const limit = execFileSync('sh', ['-c', 'ulimit -n'], {encoding: 'utf8'}).trim();
  const room = limit === 'unlimited' ? WANTED : Number(limit) - OTHER_FILES;
  if (room < WANTED) t.diagnostic(`ONLY ${room} of ${WANTED} connections: open files are limited to ${limit} (ulimit -n)`);
  return Math.min(WANTED, room) & ~1;  // half of them at each gateway
}

const admin = async (cluster, name) => `http://127.0.0.1:${(await cluster.processes('gateway')).find((each) => each.name === name).ports.admin}`;

// Writes until it is told to stop, and reads everything back then.
const startWriters = (t, cluster, connections) => Loadgen.start(
    t, cluster, '--connections', String(connections), '--batch', '5', '--inflight', '1', '--think', 'fixed:20ms', '--warmup', '0s', '--duration', '600s',
    '--drain', '60s', '--verify', 'acks');

const connectionsOf = (cluster, name) => cluster.metric(name, /^gateway_connections /);

// The numbers of connections left that were seen until the process has ended.
async function watchDrain(cluster, name, pid) {
  const url = `${await admin(cluster, name)}/drain`;
  const seen = [];
  await until(async () => {
    const answer = await fetch(url).then((response) => response.json()).catch(() => undefined);
    if (answer?.state === 'draining') seen.push(answer.left);
    return (await cluster.processes('gateway')).find((each) => each.name === name).pid !== pid;
  }, `${name} to end`, 60_000);
  return seen;
}

test('a gateway drains under thousands of connections and load', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 1, storage: 1});
  const count = connectionsThatFit(t);
  const idle = await Loadgen.start(t, cluster, '--scenario', 'idle', '--connections', String(count), '--conn-rate', '2000', '--connect-timeout', '120s',
                                   '--duration', '600s');
  await until(async () => await connectionsOf(cluster, 'gateway-0') + await connectionsOf(cluster, 'gateway-1') >= count,
              'all connections to be open', 120_000);
  const writers = await startWriters(t, cluster, 20);
  await until(() => cluster.metric('gateway-0', /^gateway_acked_ops_total/), 'the first acks');

  const {pid} = (await cluster.processes('gateway')).find(({name}) => name === 'gateway-0');
  const before = await connectionsOf(cluster, 'gateway-0');
  assert.ok(before >= count / 2, `${before} connections`);
  process.kill(pid, 'SIGTERM');
  const left = await watchDrain(cluster, 'gateway-0', pid);
  assert.ok(left.some((n) => n > before * 0.1 && n < before * 0.9), `not one after the other: ${left}`);
  assert.deepEqual(left, [...left].sort((a, b) => b - a), 'none came in between');

  await until(async () => await connectionsOf(cluster, 'gateway-1') === count + 20, 'all clients at the other gateway', 60_000);
  const written = await writers.report('SIGINT');
  assert.equal(written.exit_code, 0, written.problems.join('\n'));
  assert.equal(written.verify.passed, true);
  const {latency, trouble} = written;
  t.diagnostic(`${before} connections left in ${left.length} samples; ${written.throughput.ops_acked} ops, ack p99 ${latency.ack.p99 / 1000} ms`);

  const held = await idle.report('SIGINT');
  assert.equal(held.fleet.lost, count / 2);
  assert.deepEqual(Object.keys({...held.trouble.close_reasons, ...trouble.close_reasons}), ['1012 server shutting down']);
  const log = readFileSync(path.join(cluster.dir, 'log/supervisor.log'), 'utf8');
  assert.match(log, /"ended, will be started again","name":"gateway-0","exit":"status 0"/);
});

test('a drain on demand can be taken back', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 2, storage: 1});
  const writers = await startWriters(t, cluster, 10);
  await until(() => cluster.metric('gateway-0', /^gateway_acked_ops_total/), 'the first acks');
  const processes = await cluster.processes('gateway', 'sync');
  const drain = async (name, query = '', method = 'POST') => {
    const {ports} = processes.find((each) => each.name === name);
    const response = await fetch(`http://127.0.0.1:${ports.admin}/drain${query}`, {method});
    assert.equal(response.status, 200, name);
    return response.json();
  };
  await drain('gateway-0');
  await until(async () => await connectionsOf(cluster, 'gateway-0') === 0, 'the gateway to be empty');
  await drain('sync-0');
  await until(async () => (await drain('sync-0', '', 'GET')).state === 'drained', 'the gateways to leave the sync service');
  const committed = await cluster.metric('sync-0', /^sync_commits_total/);
  await until(async () => await connectionsOf(cluster, 'gateway-1') === 10, 'all clients at the other gateway');
  assert.equal(await cluster.metric('sync-0', /^sync_commits_total/), committed, 'a drained service has nothing to do');
  await drain('sync-0', '?cancel');
  await until(() => cluster.metric('sync-0', /^sync_watched_shards /), 'the gateways to come back');
  await drain('gateway-0', '?cancel');
  const written = await writers.report('SIGINT');
  assert.equal(written.exit_code, 0, written.problems.join('\n'));
  assert.equal(written.verify.passed, true);
});
