// What a sync costs: it is bound by the difference, not by the size of the map, and an up-to-date client is done after one round trip
// (core.md 7.4, 7.5).
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, pack, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Clock} from '../support/topgun/clock.mjs';
import {LwwMap} from '../support/topgun/lww_map.mjs';
import {pathOf} from '../support/topgun/merkle.mjs';
import {TopGunClient} from '../support/topgun_client.mjs';

const MISSING = 100;
// Names and framing of the largest answer besides its records or buckets; a bucket is a digit and a 32-bit number.
const ENVELOPE_BYTES = 120;
const BUCKET_BYTES = 7;

// Puts the records through one connection, without waiting for each ack; the ops that were written are returned.
async function seed(client, mapName, count) {
  const ops = Array.from({length: count}, (_, i) => client.put(mapName, `key-${i}`, {i, text: `value ${i}`}));
  const written = client.waitFor((f) => f.type === 'OP_ACK' && f.payload.lastId === ops.at(-1).id, `the last ack of ${mapName}`, 120_000);
  for (let i = 0; i < count; i += 1000) client.send({type: 'OP_BATCH', payload: {ops: ops.slice(i, i + 1000)}});
  await written;
  return ops;
}

function load(map, ops) {
  for (const {key, record} of ops) map.merge(key, record);
}

// What the walk may cost, from the difference alone: one answer per node above a missing key, with at most 16 buckets each, and the records
// of the leaves it ends in; a leaf holds the keys that share the missing one's path (on average size / 4096).
function boundOf(ops, missing) {
  const paths = new Set();
  for (const {key} of missing) for (let length = 0; length <= 3; length++) paths.add(pathOf(key).slice(0, length));
  const leaves = [...paths].filter((path) => path.length === 3);
  let bytes = ENVELOPE_BYTES + paths.size * ENVELOPE_BYTES + (paths.size - leaves.length) * 16 * BUCKET_BYTES;
  for (const {key, record} of ops) if (paths.has(pathOf(key))) bytes += pack({key, record}).length;
  return {requests: 1 + paths.size, answers: 1 + paths.size, bytes};
}

// Connects a client that holds `held` and lets it sync; the cost is what went over the connection for that.
async function measure(t, {url, token, mapName, held, whole}) {
  const wanted = new LwwMap(mapName, new Clock('oracle'));
  load(wanted, whole);
  const client = new TopGunClient({token});
  t.after(() => client.offline());
  client.online(url);
  await until(() => client.ready, 'the connection');
  client.offline();
  load(client.lww(mapName), held);
  const {traffic} = client.connection;
  Object.assign(traffic, {sentFrames: 0, sentBytes: 0, receivedFrames: 0, receivedBytes: 0});
  client.received = {};
  const start = performance.now();
  client.online(url);
  await until(() => client.received.SYNC_RESP_ROOT && client.lww(mapName).tree.root() === wanted.tree.root(), `the sync of ${mapName}`, 120_000);
  const ms = performance.now() - start;
  client.offline();
  const syncFrames = Object.entries(client.received).filter(([type]) => type.startsWith('SYNC_')).reduce((sum, [, count]) => sum + count, 0);
  return {...traffic, syncFrames, ms, received: client.received};
}

test('the cost of a sync follows the difference, not the size of the map', async (t) => {
  const cluster = await Cluster.start(t, {env: {TOPGUN_OPS_BURST: '200000', TOPGUN_OPS_PER_SECOND: '200000'}});
  const [first, second] = await cluster.urls();
  const {token} = cluster;
  const client = await new Client(first, {token}).connect();
  const sizes = {small: 1000, large: 100_000};
  const costs = {};
  for (const [mapName, size] of Object.entries(sizes)) {
    const whole = await seed(client, mapName, size);
    const step = size / MISSING;
    const missing = whole.filter((_, i) => i % step === 0);
    const held = whole.filter((_, i) => i % step !== 0);
    const bound = boundOf(whole, missing);

    await t.test(`${size} keys, ${MISSING} of them missing`, async (t) => {
      const cost = await measure(t, {url: second, token, mapName, held, whole});
      costs[mapName] = cost;
      t.diagnostic(`${size} keys: ${cost.syncFrames} answers, ${cost.sentFrames} frames and ${cost.sentBytes} bytes up, ` +
                   `${cost.receivedFrames} frames and ${cost.receivedBytes} bytes down, ${cost.ms.toFixed(0)} ms`);
      assert.equal(cost.syncFrames, bound.answers, 'one answer per node that differs');
      assert.ok(cost.receivedBytes <= bound.bytes + 1000, `${cost.receivedBytes} bytes, at most ${bound.bytes} and the login`);
    });

    await t.test(`${size} keys, none missing: one round trip`, async (t) => {
      const cost = await measure(t, {url: second, token, mapName, held: whole, whole});
      t.diagnostic(`${size} keys, up to date: ${cost.sentBytes} bytes up, ${cost.receivedBytes} bytes down, ${cost.ms.toFixed(0)} ms`);
      assert.deepEqual(cost.received, {SYNC_RESP_ROOT: 1});
      assert.ok(cost.sentFrames <= 3, `${cost.sentFrames} frames: AUTH, AUTH again after AUTH_REQUIRED, SYNC_INIT`);
    });
  }

  await t.test('a hundred times the map is not a hundred times the cost', () => {
    const [small, large] = [costs.small, costs.large];
    // The same number of leaves, but in the large map each has about 24 keys instead of one.
    assert.ok(large.syncFrames <= 2 * small.syncFrames, `${large.syncFrames} and ${small.syncFrames} answers`);
    const whole = sizes.large * pack({key: 'key-50000', record: client.put('x', 'key-50000', {i: 50000, text: 'value 50000'}).record}).length;
    t.diagnostic(`the whole map is about ${whole} bytes`);
    assert.ok(large.receivedBytes * 10 < whole, `${large.receivedBytes} of ${whole} bytes`);
  });
  await client.close();
});
