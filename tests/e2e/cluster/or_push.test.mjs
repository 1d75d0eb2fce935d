// ORMAP_PUSH_DIFF on a real cluster (core.md 7.6): tombstones reach their records whichever comes first, and wherever they live.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, Replica} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {readBucket, walk} from '../support/merkle_walk.mjs';

const mapName = 'tags';

// Resolves when the push is merged: reads of a connection wait for its pushes. A bucket is asked for, because a root may also come unasked (a heal).
async function push(client, entries) {
  client.send({type: 'ORMAP_PUSH_DIFF', payload: {mapName, entries}});
  return readBucket(client, 'or', mapName, '');
}

function tombstones(key, ...tags) {
  return [{key, records: [], tombstones: tags}];
}

async function liveTags(client) {
  const entries = await walk(client, 'or', mapName);
  return entries.flatMap(({records}) => records.map(({tag}) => tag)).sort();
}

test('tags that are removed by a push stay dead on every gateway', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const a = await new Client(first, {token: cluster.token}).connect();
  const b = await new Client(second, {token: cluster.token}).connect();
  const replicas = await Promise.all([a, b].map((client) => new Replica(client, mapName).start()));

  await t.test('a tombstone removes the record where it lives, not where it was sent', async () => {
    const add = a.orAdd(mapName, 'home', 'v');
    const kept = a.orAdd(mapName, 'home', 'w');
    await a.write(add, kept);
    await push(b, tombstones('elsewhere', add.orRecord.tag));
    assert.deepEqual(await liveTags(a), [kept.orRecord.tag]);
    await a.write(a.orRemove(mapName, 'home', kept.orRecord.tag));
  });

  await t.test('a record that comes after its tombstone never comes to life', async () => {
    const add = a.orAdd(mapName, 'later', 'v');
    await push(b, tombstones('any', add.orRecord.tag));
    await a.write(add);
    for (const client of [a, b]) assert.deepEqual(await liveTags(client), []);
    const marker = a.orAdd(mapName, 'marker', 'v');
    const behind = b.waitFor(({type, payload}) => type === 'SERVER_EVENT' && payload.key === 'marker', 'the event behind it');
    await a.write(marker);
    await behind;
    assert.ok(!replicas.some(({tags}) => tags.has(add.orRecord.tag)));
    await a.write(a.orRemove(mapName, 'marker', marker.orRecord.tag));
  });

  await t.test('whichever of the two comes first', async () => {
    const adds = Array.from({length: 200}, (_, i) => a.orAdd(mapName, `race-${i}`, i));
    const tags = adds.map(({orRecord}) => orRecord.tag);
    const pushed = tags.map((tag, i) => push(b, tombstones(`race-${(i + 7) % 200}`, tag)));
    const written = adds.map((add) => a.write(add));
    await Promise.all([...pushed, ...written]);
    for (const client of [a, b]) assert.deepEqual(await liveTags(client), []);
  });

  await t.test('after the loss of Redis as well', async () => {
    const add = a.orAdd(mapName, 'after', 'v');
    await push(b, tombstones('any', add.orRecord.tag));
    await cluster.persisted();
    cluster.redis('FLUSHALL');
    await a.write(add);
    for (const client of [a, b]) assert.deepEqual(await liveTags(client), []);
  });

  await t.test('pushing the same tombstones again declares nothing', async () => {
    const declared = async () => {
      const counts = await Promise.all((await cluster.processes('gateway')).map(({name}) => cluster.metric(name, /^gateway_dead_tags_total/)));
      return counts.reduce((sum, count) => sum + count);
    };
    const tags = Array.from({length: 1000}, (_, i) => `never-added-${i}`);
    const before = await declared();
    await push(b, tombstones('any', ...tags));
    assert.equal(await declared() - before, tags.length);
    await push(a, tombstones('other', ...tags));
    assert.equal(await declared() - before, tags.length);
  });
});
