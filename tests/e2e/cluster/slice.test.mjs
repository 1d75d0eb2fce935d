// The main job: a client's write travels from frame to Postgres, and back to the other clients.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, Replica, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

test('a cluster of two gateways, two sync replicas and two storage services', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const writer = await new Client(first, {token: cluster.token}).connect();
  const reader = await new Client(second, {token: cluster.token}).connect();

  await t.test('a write reaches Postgres and the subscribers at another gateway', async () => {
    const replica = await new Replica(reader, 'todos').start();
    const heard = reader.waitFor((f) => f.type === 'SERVER_EVENT' && f.payload.key === 'k1', 'the event');
    const ack = await writer.write(writer.put('todos', 'k1', {a: 1, when: 1700000000000, text: 'é😀'}));
    assert.equal(ack.achievedLevel, 'APPLIED');
    const event = (await heard).payload;
    assert.equal(event.mapName, 'todos');
    assert.equal(event.eventType, 'PUT');
    assert.deepEqual(event.record.value, {a: 1, when: 1700000000000, text: 'é😀'});
    assert.equal(event.record.timestamp.nodeId, writer.nodeId);
    await until(() => replica.rows.has('k1'), 'ENTER');
    await cluster.persisted();
    const rows = cluster.psql("SELECT value->>'a', deleted FROM topgun.records WHERE map = 'todos' AND key = 'k1'");
    assert.deepEqual(rows, [['1', 'f']]);
  });

  await t.test('a snapshot asked for after the ack includes the write', async () => {
    for (let i = 0; i < 20; i++) {
      await writer.write(writer.put('ryw', `k${i}`, i));
      const rows = await reader.query('ryw', `ryw-${i}`);
      assert.equal(rows.find(({key}) => key === `k${i}`)?.value, i);
      reader.unsubscribe(`ryw-${i}`);
    }
  });

  await t.test('a removal is ENTER, UPDATE, LEAVE for the others and nothing for the writer', async () => {
    const replica = await new Replica(reader, 'live').start();
    await new Replica(writer, 'live').start();
    const updates = [];
    reader.onFrame((f) => f.type === 'QUERY_UPDATE' && f.payload.queryId === replica.queryId && updates.push(f.payload.changeType));
    await writer.write(writer.put('live', 'k', 1), writer.put('live', 'other', 1));
    await writer.write(writer.put('live', 'k', 2));
    await writer.write(writer.remove('live', 'k'));
    await until(() => updates.includes('LEAVE'), 'LEAVE');
    assert.deepEqual(updates.filter((u) => u !== 'ENTER').concat(updates.filter((u) => u === 'ENTER')),
                     ['UPDATE', 'LEAVE', 'ENTER', 'ENTER']);
    assert.deepEqual([...replica.rows.keys()], ['other']);
    assert.ok(!writer.frames.some((f) => f.type === 'QUERY_UPDATE' || (f.type === 'SERVER_EVENT' && f.payload.mapName === 'live')));
  });

  await t.test('OR adds and removes arrive as events', async () => {
    const replica = await new Replica(reader, 'tags').start();
    const add = writer.orAdd('tags', 'k', 'work');
    await writer.write(add, writer.orAdd('tags', 'k', 'home'));
    await writer.write(writer.orRemove('tags', 'k', add.orRecord.tag));
    await until(() => replica.deadTags.has(add.orRecord.tag) && replica.tags.size === 1, 'the removal');
    assert.deepEqual([...replica.tags.values()], [{key: 'k', value: 'home'}]);
  });

  await t.test('two clients write one key through different gateways at once', async () => {
    const replicas = [await new Replica(writer, 'race').start(), await new Replica(reader, 'race').start()];
    for (let round = 0; round < 30; round++) {
      await Promise.all([writer.write(writer.put('race', 'k', `w${round}`)), reader.write(reader.put('race', 'k', `r${round}`))]);
    }
    const late = await new Client(first, {token: cluster.token}).connect();
    const [{value}] = await late.query('race');
    // A writer hears of its own write only if it lost; its local merge decides the rest.
    const winner = value.startsWith('w') ? 1 : 0;
    await until(() => replicas[winner].rows.get('k') === value, 'the loser to hear of the winner');
    const [again] = await reader.query('race', 'again');
    assert.equal(again.value, value);
    await late.close();
  });
});
