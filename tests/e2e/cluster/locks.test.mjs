// Distributed locks (features.md 3, docs/locks.md) over two gateways and two sync replicas: one holder at a time, first in first out, tokens that grow, and
// what is left of locks when clients, gateways, sync replicas or Redis go.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

let serial = 0;

// The answer to a request, however long it takes: its token.
async function lock(client, name, ttl = 10_000) {
  const requestId = `r${++serial}`;
  const granted = client.waitFor(({type, payload}) => type === 'LOCK_GRANTED' && payload.requestId === requestId, `the lock ${name}`, 60_000);
  client.send({type: 'LOCK_REQUEST', payload: {requestId, name, ttl}});
  const {payload} = await granted;
  assert.equal(payload.name, name);
  return payload.fencingToken;
}

async function unlock(client, name, fencingToken) {
  const requestId = `r${++serial}`;
  const released = client.waitFor(({type, payload}) => type === 'LOCK_RELEASED' && payload.requestId === requestId, `the release of ${name}`);
  client.send({type: 'LOCK_RELEASE', payload: {requestId, name, ...(fencingToken !== undefined && {fencingToken})}});
  const {payload} = await released;
  assert.equal(payload.name, name);
  return payload.success;
}

async function waiting(cluster, sync) {
  const counts = [];
  for (const {name} of await cluster.processes('sync')) counts.push(await cluster.metric(name, /^sync_lock_waiters /).catch(() => 0));
  return sync === undefined ? counts.reduce((sum, count) => sum + count, 0) : counts[sync];
}

const inLine = (cluster, count) => until(async () => await waiting(cluster) === count, `${count} in line`);

async function connect(cluster, gateway) {
  const url = (await cluster.urls())[gateway % 2];
  return new Client(url, {token: cluster.token}).connect();
}

test('locks of a cluster of two gateways and two sync replicas', async (t) => {
  const cluster = await Cluster.start(t, {storage: 1});
  const clients = [];
  for (let i = 0; i < 6; i++) clients.push(await connect(cluster, i));
  const [a, b, c, d] = clients;

  await t.test('one holder at a time, and tokens in the order of the grants', async () => {
    let inside = 0;
    const tokens = [];
    await Promise.all(clients.map(async (client) => {
      for (let i = 0; i < 10; i++) {
        const token = await lock(client, 'exclusive');
        assert.equal(++inside, 1);
        tokens.push(token);
        await new Promise(setImmediate);
        inside -= 1;
        assert.equal(await unlock(client, 'exclusive', token), true);
      }
    }));
    assert.equal(tokens.length, 60);
    for (let i = 1; i < tokens.length; i++) assert.ok(tokens[i] > tokens[i - 1], `${tokens[i]} after ${tokens[i - 1]}`);
    assert.ok(tokens.every(Number.isSafeInteger));
  });

  await t.test('first in, first out, over both gateways', async () => {
    const first = await lock(a, 'line', 60_000);
    const order = [];
    const line = [];
    for (const [i, client] of [d, b, clients[5], c].entries()) {
      line.push(lock(client, 'line', 60_000).then(async (token) => {
        order.push(i);
        assert.equal(await unlock(client, 'line', token), true);
      }));
      await inLine(cluster, i + 1);
    }
    assert.equal(await unlock(a, 'line', first), true);
    await Promise.all(line);
    assert.deepEqual(order, [0, 1, 2, 3]);
  });

  await t.test('the same connection is granted its lock again, under the same token', async () => {
    const token = await lock(a, 'mine', 60_000);
    const other = lock(b, 'mine');
    await inLine(cluster, 1);
    assert.equal(await lock(a, 'mine'), token);
    assert.equal(await unlock(a, 'mine', token), true);
    assert.ok(await other > token);
    assert.equal(await unlock(a, 'mine', token), false);
  });

  await t.test('a lease ends by itself', async () => {
    const token = await lock(a, 'lease', 1_000);
    const next = await lock(b, 'lease');
    assert.ok(next > token);
    assert.equal(await unlock(a, 'lease', token), false);
    assert.equal(await unlock(b, 'lease', next), true);
  });

  await t.test('a connection that ends frees its locks and leaves its lines', async () => {
    const [holder, waiter] = [await connect(cluster, 0), await connect(cluster, 1)];
    const token = await lock(holder, 'left', 300_000);
    waiter.send({type: 'LOCK_REQUEST', payload: {requestId: 'never', name: 'left', ttl: 300_000}});
    await inLine(cluster, 1);
    const next = lock(a, 'left', 300_000);
    await inLine(cluster, 2);
    waiter.socket.terminate();
    await inLine(cluster, 1);
    holder.socket.terminate();
    assert.ok(await next > token);
    assert.equal(waiter.frames.filter(({type}) => type === 'LOCK_GRANTED').length, 0);
    assert.equal(await unlock(a, 'left', await next), true);
  });

  await t.test('a request that waits in vain is never answered', async () => {
    const token = await lock(a, 'busy', 60_000);
    const before = await cluster.metric('gateway-1', /^gateway_lock_requests_total.*expired/);
    b.send({type: 'LOCK_REQUEST', payload: {requestId: 'in vain', name: 'busy', ttl: 1}});
    await until(async () => await cluster.metric('gateway-1', /^gateway_lock_requests_total.*expired/) > before, 'the end of the wait');
    assert.equal(await unlock(a, 'busy', token), true);
    assert.equal(b.frames.filter(({payload}) => payload?.requestId === 'in vain').length, 0);
  });

  await t.test('whoever comes next reads what was written under the lock', async () => {
    for (let i = 0; i < 10; i++) {
      const [writer, reader] = i % 2 ? [a, b] : [b, a];
      const token = await lock(writer, 'writes');
      const next = lock(reader, 'writes');
      await inLine(cluster, 1);
      writer.send({type: 'OP_BATCH', payload: {ops: Array.from({length: 50}, (_, n) => writer.put('written', `k${n}`, {i}))}});
      const released = unlock(writer, 'writes', token);
      const nextToken = await next;
      const rows = await reader.query('written', `written-${i}`);
      assert.equal(rows.filter(({value}) => value.i === i).length, 50);
      reader.unsubscribe(`written-${i}`);
      assert.equal(await released, true);
      assert.equal(await unlock(reader, 'writes', nextToken), true);
    }
  });

  await t.test('what makes no sense is refused', async () => {
    const refused = a.waitFor(({type}) => type === 'ERROR', 'the error');
    a.send({type: 'LOCK_REQUEST', payload: {requestId: 'x', name: 'no spaces', ttl: 1000}});
    assert.deepEqual((await refused).payload, {code: 400, message: 'Invalid lock name'});
    const token = await lock(a, 'sense');
    assert.equal(await unlock(a, 'sense'), false);
    assert.equal(await unlock(a, 'sense', 'seven'), false);
    assert.equal(await unlock(a, 'sense', token + 1), false);
    assert.equal(await unlock(b, 'sense', token), false, 'of another connection');
    assert.equal(await unlock(a, 'sense', token), true);
  });

  await t.test('nothing is left of locks', async () => {
    assert.equal(await waiting(cluster), 0);
    for (const client of clients) await client.close();
    await until(() => JSON.parse(cluster.redis('KEYS', '*:k:*')).length === 0, 'Redis to forget them');
  });
});

test('a sync replica is killed while a line stands: it forms anew at the other', async (t) => {
  const cluster = await Cluster.start(t, {storage: 1});
  const [holder, ...waiters] = await Promise.all([0, 1, 0, 1].map((i) => connect(cluster, i)));
  const token = await lock(holder, 'jobs', 120_000);
  const granted = [];
  const line = waiters.map(async (client) => {
    const mine = await lock(client, 'jobs', 120_000);
    granted.push(mine);
    assert.equal(await unlock(client, 'jobs', mine), true);
  });
  await inLine(cluster, waiters.length);
  const [first] = await cluster.processes('sync');
  const keeper = await waiting(cluster, 0) > 0 ? 0 : 1;
  await cluster.signal(first.name.replace(/\d+$/, keeper), 'SIGKILL');
  await inLine(cluster, waiters.length);
  assert.deepEqual(granted, [], 'the holder keeps its lock');
  assert.equal(await unlock(holder, 'jobs', token), true);
  await Promise.all(line);
  assert.equal(new Set([token, ...granted]).size, 4);
  assert.ok(granted.every((each, i) => each > (granted[i - 1] ?? token)), `${granted} after ${token}`);
});

test('a gateway is killed: its locks end with their leases, its requests at once', async (t) => {
  const cluster = await Cluster.start(t, {sync: 1, storage: 1});
  const [doomed, survivor] = [await connect(cluster, 0), await connect(cluster, 1)];
  const token = await lock(doomed, 'held', 3_000);
  doomed.send({type: 'LOCK_REQUEST', payload: {requestId: 'held', name: 'other', ttl: 1_000}});
  await doomed.waitFor(({payload}) => payload?.requestId === 'held');
  const mine = await lock(survivor, 'waited-for', 60_000);
  doomed.send({type: 'LOCK_REQUEST', payload: {requestId: 'w', name: 'waited-for', ttl: 60_000}});
  await inLine(cluster, 1);
  await cluster.signal('gateway-0', 'SIGKILL');
  await inLine(cluster, 0);
  assert.equal(await unlock(survivor, 'waited-for', mine), true);
  assert.ok(await lock(survivor, 'held') > token);
});

test('Redis restarts, and loses everything: tokens go on growing', async (t) => {
  const cluster = await Cluster.start(t);
  const [a, b] = [await connect(cluster, 0), await connect(cluster, 1)];
  const first = await lock(a, 'jobs', 120_000);
  const waits = lock(b, 'jobs', 120_000);
  await inLine(cluster, 1);
  await cluster.signal('redis', 'SIGTERM');
  await unlock(a, 'jobs', first);  // if not in time for the answer, then later
  const second = await waits;
  assert.ok(second > first);

  cluster.redis('FLUSHALL');
  const third = await lock(a, 'jobs');
  assert.ok(third > second, `${third} after ${second}`);
  assert.equal(await unlock(b, 'jobs', second), false, 'its grant is forgotten');
  assert.equal(await unlock(a, 'jobs', third), true);
});
