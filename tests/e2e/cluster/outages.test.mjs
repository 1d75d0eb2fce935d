// Redis and Postgres empty or away: what is promised to survive survives, connections stay, and everything arrives in the end.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

// Writes one key after the other like the stock client: everything unacknowledged goes out again with AUTH_ACK.
async function startWriter(cluster, url, mapName) {
  const client = await new Client(url, {token: cluster.token}).connect();
  const writer = {client, pending: new Map(), acked: new Map(), refused: 0, stopped: false};
  client.onFrame(({type, payload}) => {
    if (type === 'OP_ACK') {
      for (const [id, op] of writer.pending) {
        if (Number(id) > Number(payload.lastId)) continue;
        writer.pending.delete(id);
        writer.acked.set(op.key, op.record.value);
      }
    } else if (type === 'ERROR' && payload.code === 429) {
      writer.refused += 1;
    } else if (type === 'AUTH_ACK' && writer.pending.size > 0) {
      client.send({type: 'OP_BATCH', payload: {ops: [...writer.pending.values()]}});
    }
  });
  writer.running = (async () => {
    for (let i = 0; !writer.stopped; i++) {
      const ops = Array.from({length: 10}, (_, n) => client.put(mapName, `k${(i * 10 + n) % 2000}`, {i, pad: 'x'.repeat(100)}));
      for (const op of ops) writer.pending.set(op.id, op);
      client.send({type: 'OP_BATCH', payload: {ops}});
      await sleep(20);
      await until(() => writer.stopped || writer.pending.size < 1000, 'room for more', 120_000);
    }
  })();
  writer.finish = async () => {
    writer.stopped = true;
    await writer.running;
    await until(() => writer.pending.size === 0, 'everything unacknowledged to arrive', 90_000);
  };
  return writer;
}

async function expectEverything(cluster, url, mapName, acked) {
  const reader = await new Client(url, {token: cluster.token}).connect();
  const rows = new Map((await reader.query(mapName)).map(({key, value}) => [key, value]));
  for (const [key, value] of acked) assert.deepEqual(rows.get(key), value, `${mapName}/${key}`);
  await reader.close();
}

test('FLUSHALL after persistence has caught up: reads return everything, from Postgres', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const settled = await startWriter(cluster, first, 'settled');
  await until(() => settled.acked.size > 500, 'some writes');
  await settled.finish();
  await cluster.persisted();
  const light = await new Client(second, {token: cluster.token}).connect();
  await light.write(light.put('light', 'before', 1));
  await cluster.persisted();
  cluster.redis('FLUSHALL');
  await light.write(light.put('light', 'after', 2));
  await expectEverything(cluster, first, 'settled', settled.acked);
  await expectEverything(cluster, second, 'light', new Map([['before', 1], ['after', 2]]));
  const again = await light.write(light.put('settled', 'k1', 'overwritten'));
  assert.equal(again.achievedLevel, 'APPLIED');
  await expectEverything(cluster, first, 'settled', new Map([...settled.acked, ['k1', 'overwritten']]));
});

test('Postgres stopped for 20 s under load: writes go on, afterwards everything is persisted', async (t) => {
  const cluster = await Cluster.start(t);
  const [url] = await cluster.urls();
  const writer = await startWriter(cluster, url, 'm');
  await until(() => writer.acked.size > 100, 'some writes');
  await cluster.signalFamily('postgres', 'SIGSTOP');
  const before = writer.client.nextId;
  await sleep(20_000);
  const during = writer.client.nextId - before;
  const unacked = writer.pending.size;
  await cluster.signalFamily('postgres', 'SIGCONT');
  assert.ok(during > 1000 && unacked < 1000, `${during} writes went on, ${unacked} unacknowledged`);
  for (const {name, pid} of await cluster.processes('sync', 'storage', 'gateway')) {
    const rss = Number((await import('node:fs')).readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);
    assert.ok(rss < 512 * 1024, `${name} uses ${rss} KiB`);
  }
  await writer.finish();
  await cluster.persisted();
  const rows = cluster.psql("SELECT key, value->>'i' FROM topgun.records WHERE map = 'm'");
  assert.deepEqual(Object.fromEntries(rows), Object.fromEntries([...writer.acked].map(([key, {i}]) => [key, String(i)])));
});

test('Redis away for 30 s under load: connections stay and everything unacknowledged arrives', async (t) => {
  const cluster = await Cluster.start(t);
  const urls = await cluster.urls();
  const writers = [];
  for (let i = 0; i < 6; i++) writers.push(await startWriter(cluster, urls[i % urls.length], `m${i}`));
  await until(() => writers.every(({acked}) => acked.size > 100), 'some writes');
  await cluster.signal('redis', 'SIGSTOP');
  await sleep(30_000);
  for (const {client} of writers) assert.equal(client.closeCode, undefined, 'the connection stayed');
  await cluster.signal('redis', 'SIGCONT');
  for (const writer of writers) await writer.finish();
  for (const [i, {acked}] of writers.entries()) await expectEverything(cluster, urls[0], `m${i}`, acked);
});
