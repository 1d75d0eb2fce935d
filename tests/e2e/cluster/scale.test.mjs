// Processes come and go while clients work: new ones take their share within seconds, those that leave are drained, the others keep running,
// and no client notices more than a reconnect to another gateway.
import assert from 'node:assert/strict';
import {chmodSync, mkdtempSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'node:test';

import {Actor, expectOutcome, outcomeOf} from '../support/actors.mjs';
import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Random} from '../support/random.mjs';

const SHARDS = 64;  // so many that every process gets some

async function startCluster(t) {
  const dir = mkdtempSync('/tmp/topgun-e2e.');
  chmodSync(dir, 0o755);
  writeFileSync(path.join(dir, 'shards'), `${SHARDS}\n`);
  const cluster = new Cluster(dir, {port: 0}, process.env);
  t.after(() => cluster.stop(t));
  await cluster.up();
  return cluster;
}

async function work(actor, signal) {
  while (!signal.aborted) {
    actor.act();
    await sleep(actor.random.int(20));
    // The stock client pauses at 1000 unacknowledged writes.
    await until(() => signal.aborted || actor.client.log.pending.size < 1000, 'room for more writes', 120_000);
  }
}

// The names of the services that run, and the id of each.
async function services(cluster) {
  const running = await cluster.processes('gateway', 'sync', 'storage');
  return new Map(running.map(({name, pid}) => [name, pid]));
}

const rises = (cluster, name, pattern, what) => until(async () => await cluster.metric(name, pattern) > 0, `${name}: ${what}`, 60_000);

test('processes come and go while clients work', async (t) => {
  const cluster = await startCluster(t);
  const random = Random.of(t);
  const stop = new AbortController();
  const actors = [];
  const working = [];
  const enter = (prefix, count, urls) => {
    for (let i = 0; i < count; i++) {
      const actor = new Actor({token: cluster.token, random: random.fork(), name: `${prefix}-${i}`, watches: i % 2 === 0});
      actor.client.online(...urls);
      actors.push(actor);
      working.push(work(actor, stop.signal));
    }
  };
  t.after(() => {
    stop.abort();
    for (const {client} of actors) client.offline();
  });
  const [first] = await cluster.urls();
  enter('settled', 4, [first]);
  await rises(cluster, 'sync-0', /^sync_merge_ops_total/, 'operations');
  const before = await services(cluster);
  assert.deepEqual([...before.keys()].sort(), ['gateway-0', 'storage-0', 'sync-0']);

  await t.test('new sync services take over shards', async () => {
    await cluster.topgun('scale', 'sync=3');
    for (const name of ['sync-1', 'sync-2']) await rises(cluster, name, /^sync_merge_ops_total/, 'operations');
    assert.equal(await cluster.metric('gateway-0', /^discovery_addresses\{service="sync"\}/), 3);
  });

  await t.test('a new storage service takes over shards', async () => {
    await cluster.topgun('scale', 'storage=2');
    await rises(cluster, 'storage-1', /^storage_owned_shards/, 'shards');
  });

  await t.test('a new gateway serves clients', async () => {
    await cluster.topgun('scale', 'gateway=2');
    const second = (await cluster.urls()).find((url) => url !== first);
    enter('moving', 3, [second, first]);
    await rises(cluster, 'gateway-1', /^gateway_connections /, 'connections');
    await until(() => actors.every(({client}) => client.ready), 'everybody to be connected');
  });

  await t.test('what leaves is drained', async () => {
    const said = await cluster.topgun('scale', 'gateway=1', 'storage=1', 'sync=2');
    for (const name of ['gateway-1', 'storage-1', 'sync-2']) assert.match(said, new RegExp(`^${name}: stopped in \\d+ ms \\(status 0\\)$`, 'm'));
    assert.deepEqual([...(await services(cluster)).keys()].sort(), ['gateway-0', 'storage-0', 'sync-0', 'sync-1']);
    await until(async () => await cluster.metric('gateway-0', /^discovery_addresses\{service="sync"\}/) === 2 &&
                            await cluster.metric('gateway-0', /^gateway_sync_replicas_leaving /) === 0,
                'the gateway to let go of sync-2');
    await until(async () => await cluster.metric('storage-0', /^storage_owned_shards/) === SHARDS, 'storage-0 to own all shards', 60_000);
    await until(() => actors.every(({client}) => client.ready), 'everybody to be connected', 60_000);
    const now = await services(cluster);
    for (const [name, pid] of before) assert.equal(now.get(name), pid, `${name} was not restarted`);
  });

  await t.test('nothing is missing, and nobody was told of an error', async () => {
    stop.abort();
    await Promise.all(working);
    for (const actor of actors) await actor.acknowledged();
    for (const {name, client} of actors) assert.deepEqual(client.errors, [], name);
    for (const {name, client} of actors.slice(0, 4)) assert.deepEqual(client.connection.closes, [], `${name} was never disconnected`);
    t.diagnostic(`${actors.reduce((sum, {written}) => sum + written.length, 0)} writes`);
    // Who does not watch the maps learns the rest by syncing once more.
    for (const {client} of actors) client.offline();
    for (const {client} of actors) client.online(first);
    const outcome = outcomeOf(actors.flatMap(({written}) => written));
    await expectOutcome({urls: [first], token: cluster.token, clients: actors.map(({client}) => client), outcome});
    await cluster.persisted();
  });

  await t.test('the next up starts as many', async () => {
    for (const {client} of actors) client.offline();
    await cluster.down();
    await cluster.up();
    assert.deepEqual([...(await services(cluster)).keys()].sort(), ['gateway-0', 'storage-0', 'sync-0', 'sync-1']);
  });
});
