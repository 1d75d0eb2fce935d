// Changes that a gateway misses (a feed trimmed while it was away, a new incarnation) are noticed, and every client that has synced a map is sent
// its root unasked: it walks what differs and has everything again, without a reconnect (core.md 7.5, "Unsolicited root").
import assert from 'node:assert/strict';
import test from 'node:test';

import {rootsAt, rootsOf} from '../support/actors.mjs';
import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {TopGunClient} from '../support/topgun_client.mjs';

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const maps = {lww: ['notes'], or: ['tags']};
const rootFrames = ({received}) => (received.SYNC_RESP_ROOT ?? 0) + (received.ORMAP_SYNC_RESP_ROOT ?? 0);

// Clients that synced at connect and hear of nothing since: they have no live query on the maps.
async function syncedClients(t, cluster, urls) {
  const clients = urls.map((url, i) => {
    const client = new TopGunClient({token: cluster.token, nodeId: `synced-${i}`});
    t.after(() => client.offline());
    client.lww('notes');
    client.or('tags');
    client.online(url);
    return client;
  });
  for (const [i, client] of clients.entries()) {
    const roots = await rootsAt(urls[i], cluster.token, maps);
    await until(() => rootFrames(client) === 2 && same(rootsOf(client, maps), roots), `${client.nodeId} to sync`);
    // A sleeping gateway answers no PING; the connection has to outlast that.
    clearInterval(client.connection.heartbeat);
  }
  return clients;
}

// Writes to every shard, in several commits each, so that trimming its feed to the newest entry leaves a hole.
async function writeEverywhere(client, round) {
  for (let commit = 0; commit < 3; commit++) {
    const ops = [];
    for (let i = 0; i < 40; i++) ops.push(client.put('notes', `k${i}`, {round, commit}), client.orAdd('tags', `k${i}`, `${round}-${commit}`));
    await client.write(...ops);
  }
}

async function expectHealed(cluster, clients, url, count = 2) {
  for (const client of clients) {
    await until(() => rootFrames(client) >= 2 + count, `the unsolicited roots of ${client.nodeId}`, 60_000);
    // Further gaps of the same burst bring further roots, so the last word is the map itself.
    await until(async () => same(rootsOf(client, maps), await rootsAt(url, cluster.token, maps)), `${client.nodeId} to be healed`);
    assert.deepEqual(client.connection.closes, [], 'nobody had to reconnect');
  }
}

test('a gateway resumes after its position has been trimmed from the feeds', async (t) => {
  const cluster = await Cluster.start(t);
  const urls = await cluster.urls();
  const [writing, sleeping] = await cluster.processes('gateway');
  const [first, second] = [writing, sleeping].map(({ports}) => urls.find((url) => url.includes(`:${ports.ws}/`)));
  const writer = await new Client(first, {token: cluster.token}).connect();
  await writeEverywhere(writer, 0);
  const [, client] = await syncedClients(t, cluster, [first, second]);
  // The gap is in the feed, so somebody at that gateway has to be interested in changes at all.
  const watcher = await new Client(second, {token: cluster.token}).connect();
  await watcher.query('elsewhere');
  const before = {gaps: await cluster.metric(sleeping.name, /^gateway_watch_gaps_total/), heals: await cluster.metric(sleeping.name, /^gateway_heals_total/)};

  await cluster.signal(sleeping.name, 'SIGSTOP');
  t.after(() => cluster.signal(sleeping.name, 'SIGCONT').catch(() => {}));
  // The streams of the sleeping gateway end before anything new can be sent on them, and the replicas that follow remember nothing of the feed
  // but what Redis still has.
  const restartSync = async () => {
    const replicas = await cluster.processes('sync');
    for (const {name} of replicas) await cluster.signal(name);
    await until(async () => (await cluster.processes('sync')).every(({up, pid}) => up && !replicas.some((old) => old.pid === pid)), 'sync to be back');
  };
  await restartSync();
  await writeEverywhere(writer, 1);
  await cluster.persisted();
  for (const feed of JSON.parse(cluster.redis('KEYS', '*:feed'))) cluster.redis('XTRIM', feed, 'MAXLEN', '=', '1');
  await restartSync();
  await cluster.signal(sleeping.name, 'SIGCONT');

  await until(async () => await cluster.metric(sleeping.name, /^gateway_watch_gaps_total/) > before.gaps, 'the gap to be noticed', 60_000);
  await expectHealed(cluster, [client], first);
  assert.ok(await cluster.metric(sleeping.name, /^gateway_heals_total/) >= before.heals + 2);
  assert.deepEqual(client.lww('notes').records.get('k0').value, {round: 1, commit: 2});
});

test('Redis loses everything: the next incarnation heals whoever has synced', async (t) => {
  const cluster = await Cluster.start(t);
  const urls = await cluster.urls();
  const writer = await new Client(urls[0], {token: cluster.token}).connect();
  await writeEverywhere(writer, 0);
  const clients = await syncedClients(t, cluster, urls);
  await writeEverywhere(writer, 1);  // the clients do not hear of it
  await cluster.persisted();
  const count = async (pattern) => {
    const each = await Promise.all((await cluster.processes('gateway')).map(({name}) => cluster.metric(name, pattern)));
    return each.reduce((sum, value) => sum + value);
  };
  const before = {gaps: await count(/^gateway_watch_gaps_total/), heals: await count(/^gateway_heals_total/)};
  const roots = await rootsAt(urls[0], cluster.token, maps);
  cluster.redis('FLUSHALL');
  await expectHealed(cluster, clients, urls[1]);
  assert.deepEqual(await rootsAt(urls[0], cluster.token, maps), roots, 'nothing that was persisted is lost');
  assert.ok(await count(/^gateway_watch_gaps_total/) > before.gaps);
  assert.ok(await count(/^gateway_heals_total/) >= before.heals + 4);
});
