// Records whose TTL passes leave live queries at once, wherever they were written and read, and stay in the Merkle tree (core.md 4.1).
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {readRoot, walk} from '../support/merkle_walk.mjs';

const mapName = 'sessions';

function withTtl(op, ttlMs) {
  op.record.ttlMs = ttlMs;
  return op;
}

// What a live query was told of a key, in order: 'ENTER', 'UPDATE', 'LEAVE'.
function changes(client, queryId, key) {
  return client.frames.filter(({type, payload}) => type === 'QUERY_UPDATE' && payload.queryId === queryId && payload.key === key)
      .map(({payload}) => payload.changeType);
}

async function heard(client, queryId, key, expected) {
  await until(() => changes(client, queryId, key).length >= expected.length, `${expected} of ${key}`);
  assert.deepEqual(changes(client, queryId, key), expected);
}

test('expired records leave live queries on every gateway', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const writer = await new Client(first, {token: cluster.token}).connect();
  const reader = await new Client(second, {token: cluster.token}).connect();
  await reader.query(mapName, 'live');

  await t.test('ENTER, then LEAVE without a value, and no event', async () => {
    const op = withTtl(writer.put(mapName, 'short', {user: 1}), 700);
    await writer.write(op);
    await heard(reader, 'live', 'short', ['ENTER', 'LEAVE']);
    assert.ok(Date.now() > op.record.timestamp.millis + 700, 'not before its time');
    const leave = reader.frames.findLast(({type, payload}) => type === 'QUERY_UPDATE' && payload.key === 'short');
    assert.equal(leave.payload.value, null);
    const events = reader.frames.filter(({type, payload}) => type === 'SERVER_EVENT' && payload.key === 'short');
    assert.deepEqual(events.map(({payload}) => payload.eventType), ['PUT']);
  });

  await t.test('a record that is rewritten in time stays, and leaves by its newest TTL', async () => {
    await writer.write(withTtl(writer.put(mapName, 'kept', 1), 4000));
    await writer.write(withTtl(writer.put(mapName, 'renewed', 1), 4000));
    await writer.write(writer.put(mapName, 'kept', 2), withTtl(writer.put(mapName, 'renewed', 2), 8000));
    await writer.write(withTtl(writer.put(mapName, 'marker', 1), 5000));
    await heard(reader, 'live', 'marker', ['ENTER', 'LEAVE']);
    assert.deepEqual(changes(reader, 'live', 'kept'), ['ENTER', 'UPDATE']);
    assert.deepEqual(changes(reader, 'live', 'renewed'), ['ENTER', 'UPDATE']);
    await heard(reader, 'live', 'renewed', ['ENTER', 'UPDATE', 'LEAVE']);
  });

  await t.test('rows of a snapshot leave as well, and late subscribers do not see them', async () => {
    await writer.write(withTtl(writer.put(mapName, 'soon', 1), 4000));
    const rows = await writer.query(mapName, 'snapshot');
    assert.deepEqual(rows.map(({key}) => key).sort(), ['kept', 'soon']);
    await heard(writer, 'snapshot', 'soon', ['LEAVE']);
    assert.deepEqual((await reader.query(mapName, 'late')).map(({key}) => key), ['kept']);
  });

  await t.test('a record that was written when its TTL had passed never appears', async () => {
    const op = withTtl(writer.put(mapName, 'stale', 1), 100);
    op.record.timestamp.millis -= 60_000;
    await writer.write(op, writer.put(mapName, 'after', 1));
    await until(() => changes(reader, 'live', 'after').length > 0, 'the op behind it');
    assert.deepEqual(changes(reader, 'live', 'stale'), []);
  });

  await t.test('the Merkle tree still has them, with their TTL', async () => {
    assert.notEqual((await readRoot(reader, 'lww', mapName)).rootHash, 0);
    const records = await walk(reader, 'lww', mapName);
    const expired = records.find(({key}) => key === 'short');
    assert.equal(expired.record.ttlMs, 700);
    assert.deepEqual(expired.record.value, {user: 1});
  });
});
