// The same operations again, on the same and on another gateway, after newer writes and between them: acknowledged, and without effect
// (core.md 5.2). Nothing is committed for them: the feeds of all shards stay where they are.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, Replica} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {readRoot} from '../support/merkle_walk.mjs';

const CELLS = `
  local digest = ''
  for _, key in ipairs(redis.call('KEYS', '*}:[loc]:*')) do
    local all = redis.call('HGETALL', key)
    local fields = {}
    for i = 1, #all, 2 do fields[#fields + 1] = all[i] .. '=' .. all[i + 1] end
    table.sort(fields)
    digest = digest .. key .. redis.sha1hex(table.concat(fields, ';')) .. ' '
  end
  return digest`;

// What clients and storage could see of a repeated op: cells with their versions, positions of the shards, roots, rows.
async function stateOf(cluster, readers, lwwMaps, orMaps) {
  const positions = {};
  for (const key of JSON.parse(cluster.redis('KEYS', '*:meta')).sort()) positions[key] = cluster.redis('HGET', key, 'n').trim();
  const cells = cluster.redis('EVAL', CELLS, '0').split(' ').sort();
  for (const map of [...lwwMaps, ...orMaps]) assert.ok(cells.some((cell) => cell.includes(`:${map}`)), `no cells of ${map}`);
  const views = [];
  for (const reader of readers) {
    for (const map of lwwMaps) {
      views.push((await readRoot(reader, 'lww', map)).rootHash);
      const rows = await reader.query(map, `state-${map}`);
      reader.unsubscribe(`state-${map}`);
      views.push(rows.sort((a, b) => a.key < b.key ? -1 : 1));
    }
    for (const map of orMaps) views.push((await readRoot(reader, 'or', map)).rootHash);
  }
  return {positions, cells, views};
}

test('operations that arrive again change nothing', async (t) => {
  const cluster = await Cluster.start(t);
  const urls = await cluster.urls();
  const connect = (url) => new Client(url, {token: cluster.token}).connect();
  const [author, elsewhere, reader] = [await connect(urls[0]), await connect(urls[1]), await connect(urls[1])];
  // What a client repeats keeps its ids, timestamps and tags.
  const repeat = async (client, ops) => {
    for (let i = 0; i < ops.length; i += 100) {
      const batch = ops.slice(i, i + 100);
      const ack = await client.write(...batch);
      assert.deepEqual(ack, {lastId: batch.at(-1).id, achievedLevel: 'APPLIED'});
    }
  };

  const old = [];
  for (let i = 0; i < 200; i++) old.push(author.put('lww', `k${i}`, {round: 'old', i}));
  for (let i = 0; i < 40; i++) old.push(author.remove('lww', `k${i}`));
  const adds = Array.from({length: 60}, (_, i) => author.orAdd('or', `k${i % 20}`, i));
  old.push(...adds, ...adds.slice(0, 30).map((add) => author.orRemove('or', add.key, add.orRecord.tag)));
  await repeat(author, old);
  const events = [];
  await new Replica(reader, 'lww').start();
  await new Replica(reader, 'or').start();
  reader.onFrame((f) => (f.type === 'SERVER_EVENT' || f.type === 'QUERY_UPDATE') && events.push(f));
  const state = () => stateOf(cluster, [author, elsewhere], ['lww'], ['or']);

  await t.test('on the same connection and at the other gateway', async () => {
    const late = await connect(urls[0]);  // before: it is given an identity, which is a write
    const before = await state();
    await repeat(author, old);
    await repeat(elsewhere, old);
    await repeat(late, old);
    await late.close();
    assert.deepEqual(await state(), before);
    assert.deepEqual(events, []);
  });

  await t.test('after newer writes of the same keys', async () => {
    const newer = [];
    for (let i = 0; i < 100; i++) newer.push(author.put('lww', `k${i}`, {round: 'newer', i}));
    for (let i = 100; i < 120; i++) newer.push(author.remove('lww', `k${i}`));
    newer.push(...adds.slice(30, 40).map((add) => author.orRemove('or', add.key, add.orRecord.tag)));
    await repeat(author, newer);
    const before = await state();
    await repeat(elsewhere, old);
    await repeat(author, old);
    await repeat(elsewhere, newer);
    assert.deepEqual(await state(), before);
  });

  await t.test('between newer writes, at once from both gateways', async () => {
    const newest = Array.from({length: 400}, (_, i) => elsewhere.put('lww', `k${i % 200}`, {round: 'newest', i}));
    const backwards = await connect(urls[0]);
    const repeats = [repeat(author, old), repeat(backwards, [...old].reverse().map((op, i) => ({...op, id: String(100_000 + i)})))];
    for (let i = 0; i < newest.length; i += 20) await repeat(elsewhere, newest.slice(i, i + 20));
    await Promise.all(repeats);
    await backwards.close();
    const rows = new Map((await reader.query('lww', 'final')).map(({key, value}) => [key, value]));
    assert.equal(rows.size, 200);
    for (const op of newest.slice(200)) assert.deepEqual(rows.get(op.key), op.record.value);
    const before = await state();
    await repeat(elsewhere, newest);
    await repeat(author, old);
    assert.deepEqual(await state(), before);
  });

  await t.test('a write that was stamped anew gets the same stamp again, wherever it arrives', async () => {
    const future = {...elsewhere.tick(), millis: Date.now() + 3_600_000};
    const op = {...elsewhere.put('future', 'k', 'early'), timestamp: future};
    op.record = {value: 'early', timestamp: future};
    await repeat(elsewhere, [op]);
    await repeat(author, [author.put('other', 'k', 1)]);
    const before = await stateOf(cluster, [author, elsewhere], ['future'], []);
    await repeat(author, [{...op, id: String(author.nextId++)}]);
    await repeat(elsewhere, [op]);
    assert.deepEqual(await stateOf(cluster, [author, elsewhere], ['future'], []), before);
  });
});
