// Removals and expired records are forgotten after the retention, everywhere, and nothing that was removed comes back
// (core.md 7.8, seen from a client that was offline for longer than that).
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const retentionMs = 2000;

// How many cells of client maps Redis holds under the key: LWW fields are the key, OR fields its length, the key and a tag.
function cellsInRedis(cluster, mapName, key) {
  return JSON.parse(cluster.redis('KEYS', `*:[lo]:${mapName}`))
      .flatMap((hash) => JSON.parse(cluster.redis('HKEYS', hash)))
      .filter((field) => field === key || field.slice(1).startsWith(key)).length;
}

function rowsInPostgres(cluster, mapName, key) {
  return cluster.psql(`SELECT 1 FROM topgun.records WHERE map = '${mapName}' AND key = '${key}'`).length;
}

async function forgotten(cluster, mapName, key) {
  await until(() => cellsInRedis(cluster, mapName, key) === 0, `${mapName}/${key} to leave Redis`);
  await until(() => rowsInPostgres(cluster, mapName, key) === 0, `${mapName}/${key} to leave Postgres`);
}

async function expectRefused(client, op) {
  const named = client.waitFor(
      ({type, payload}) => type === 'OP_ACK' && payload.results?.some(({opId, success}) => opId === op.id && !success),
      `the refusal of ${op.key}`);
  client.send({type: 'OP_BATCH', payload: {ops: [op]}});
  await named;
}

test('after the retention a removal is gone from Redis and Postgres, and its record stays away', async (t) => {
  const cluster = await Cluster.start(t, {env: {TOPGUN_RETENTION: `${retentionMs}ms`}});
  const [first, second] = await cluster.urls();
  const writer = await new Client(first, {token: cluster.token}).connect();
  const late = await new Client(second, {token: cluster.token}).connect();

  const old = late.put('todos', 'k', 'old');  // written while offline, not sent yet
  const add = writer.orAdd('tags', 'k', 'work');
  await writer.write(writer.put('todos', 'k', 'new'), writer.put('todos', 'kept', 1), add);
  const neverAcked = writer.put('todos', 'again', 'again');
  await writer.write(neverAcked);
  await writer.write(writer.remove('todos', 'k'), writer.remove('todos', 'again'), writer.orRemove('tags', 'k', add.orRecord.tag));

  await t.test('removals are dropped, live records are not', async () => {
    await forgotten(cluster, 'todos', 'k');
    await forgotten(cluster, 'todos', 'again');
    await forgotten(cluster, 'tags', 'k');
    assert.equal(cellsInRedis(cluster, 'todos', 'kept'), 1);
    const pruned = await Promise.all((await cluster.processes('sync')).map(
        ({name}) => cluster.metric(name, /^sync_retention_pruned_cells_total/)));
    assert.equal(pruned.reduce((sum, count) => sum + count), 3);
  });

  await t.test('writes from before are refused by name, whichever gateway they reach', async () => {
    await expectRefused(late, old);
    await expectRefused(writer, {...neverAcked, id: String(writer.nextId++)});
    await expectRefused(late, {...add, id: String(late.nextId++)});
    assert.deepEqual((await late.query('todos')).map(({key}) => key), ['kept']);
  });

  await t.test('newer writes of the same key are taken', async () => {
    const ack = await writer.write(writer.put('todos', 'k', 'newer'));
    assert.equal(ack.results?.find(({success}) => !success), undefined);
    await writer.write(writer.remove('todos', 'k'));
    await forgotten(cluster, 'todos', 'k');
  });

  await t.test('the horizon survives the loss of Redis and a restart', async () => {
    await cluster.persisted();
    cluster.redis('FLUSHALL');
    await expectRefused(late, {...old, id: String(late.nextId++)});
    const killed = await cluster.processes('redis', 'sync');
    assert.equal(killed.length, 3);
    for (const {name} of killed) await cluster.signal(name);
    await expectRefused(writer, {...old, id: String(writer.nextId++)});
    await expectRefused(writer, {...add, id: String(writer.nextId++)});
    assert.deepEqual((await writer.query('todos', 'after')).map(({key}) => key), ['kept']);
  });
});

test('an expired record is hidden at once and dropped after the retention', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1, env: {TOPGUN_RETENTION: `${retentionMs}ms`}});
  const [url] = await cluster.urls();
  const client = await new Client(url, {token: cluster.token}).connect();
  const op = client.put('sessions', 's', 1);
  op.record.ttlMs = 500;
  await client.write(op);
  assert.equal(cellsInRedis(cluster, 'sessions', 's'), 1);
  await until(async () => (await client.query('sessions', `q${client.nextId++}`)).length === 0, 'the record to expire');
  await forgotten(cluster, 'sessions', 's');
  await expectRefused(client, {...op, id: String(client.nextId++)});
});
