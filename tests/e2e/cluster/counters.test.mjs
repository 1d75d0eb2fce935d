// PN counters (features.md 4), over two gateways: both spellings, convergence, and what is left when processes die and Redis forgets.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Random} from '../support/random.mjs';
import {PnCounter} from '../support/topgun/pn_counter.mjs';

const schemaSpelling = ['p', 'n'];

// What a client that has never heard of the counter is told.
async function read(url, token, name) {
  const client = await new Client(url, {token}).connect();
  const answered = client.waitFor(({type, payload}) => type === 'COUNTER_RESPONSE' && payload.name === name, `COUNTER_RESPONSE of ${name}`);
  client.send({type: 'COUNTER_REQUEST', payload: {name}});
  const {state} = (await answered).payload;
  await client.close();
  assert.deepEqual(state.p, state.positive);
  assert.deepEqual(state.n, state.negative);
  return state;
}

const valueOf = ({p, n}) => {
  const sum = (side) => Object.values(side).reduce((a, b) => a + b, 0);
  return sum(p) - sum(n);
};

test('counters of a cluster', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 2, storage: 1});
  const urls = await cluster.urls();
  const {token} = cluster;
  const random = Random.of(t);
  const connect = (i, options = {}) => new Client(urls[i % urls.length], {token, ...options}).connect();
  const agree = (counters, value) => until(() => counters.every((counter) => counter.value === value),
                                           `${counters.map((counter) => counter.value)} to be ${value}`, 60_000);
  const readEverywhere = async (name) => {
    const states = await Promise.all(urls.map((url) => read(url, token, name)));
    assert.deepEqual(states[1], states[0]);
    return states[0];
  };

  await t.test('a new counter is empty, and both spellings count together', async () => {
    assert.deepEqual(await readEverywhere('fresh'), {p: {}, n: {}, positive: {}, negative: {}});
    const clients = [await connect(0, {nodeId: 'stock'}), await connect(1, {nodeId: 'schema'})];
    const counters = [new PnCounter(clients[0], 'likes'), new PnCounter(clients[1], 'likes', {spelling: schemaSpelling})];
    counters[0].add(5);
    counters[1].add(-2);
    await agree(counters, 3);
    counters[1].add(0.5);
    await agree(counters, 3.5);
    assert.deepEqual(await readEverywhere('likes'),
                     {p: {stock: 5, schema: 0.5}, n: {schema: 2}, positive: {stock: 5, schema: 0.5}, negative: {schema: 2}});
    for (const client of clients) await client.close();
  });

  await t.test('a sync without news is answered to its sender only', async () => {
    const [sender, other] = [await connect(0), await connect(0)];
    new PnCounter(other, 'likes');
    await other.waitFor(({type}) => type === 'COUNTER_RESPONSE');
    const answered = sender.waitFor(({type}) => type === 'COUNTER_UPDATE');
    sender.send({type: 'COUNTER_SYNC', payload: {name: 'likes', state: {p: {stock: 1}, n: {}}}});
    assert.equal((await answered).payload.state.p.stock, 5);
    const pong = other.waitFor(({type}) => type === 'PONG');
    other.send({type: 'PING', timestamp: 1});
    await pong;
    assert.equal(other.frames.filter(({type}) => type === 'COUNTER_UPDATE').length, 0);
    await sender.close();
    await other.close();
  });

  await t.test('a map of the same name is another thing', async () => {
    const client = await connect(0);
    const rows = client.query('likes');
    assert.deepEqual(await rows, []);
    await client.write(client.put('likes', 'stock', 'a value'));
    assert.equal(valueOf(await readEverywhere('likes')), 3.5);
    const counter = new PnCounter(client, 'likes', {nodeId: 'third'});
    counter.add(1);
    await until(async () => valueOf(await read(urls[1], token, 'likes')) === 4.5, 'the third to count');
    assert.deepEqual((await client.query('likes', 'again')).map(({key}) => key), ['stock']);
    await client.close();
  });

  await t.test('many clients over both gateways converge', async () => {
    const clients = await Promise.all(Array.from({length: 10}, (_, i) => connect(i, {nodeId: `many-${i}`})));
    const counters = clients.map((client, i) => new PnCounter(client, 'crowd', i % 3 === 0 ? {spelling: schemaSpelling} : {}));
    let expected = 0;
    for (let round = 0; round < 60; round++) {
      for (const counter of counters) {
        const delta = random.int(9) - 4;
        if (delta === 0 || random.chance(0.3)) continue;
        counter.add(delta);
        expected += delta;
      }
      await sleep(random.int(60));
    }
    await agree(counters, expected);
    assert.equal(valueOf(await readEverywhere('crowd')), expected);
    for (const client of clients) await client.close();
  });

  await t.test('nothing is lost or counted twice when sync services and gateways are killed', async () => {
    const counters = [];
    for (let i = 0; i < 6; i++) counters.push(new PnCounter(await connect(i, {nodeId: `survivor-${i}`}), 'survivors'));
    // Like the stock client: it comes back by itself, and tells its state with its next change.
    const comeBack = async (counter, i) => {
      if (counter.client.closeCode === undefined) return;
      const client = await until(() => connect(i + random.int(2), {nodeId: counter.nodeId}).catch(() => undefined), 'a gateway', 60_000);
      counter.attach(client);
    };
    let expected = 0;
    for (const victim of ['sync-0', 'gateway-0', 'sync-1', 'gateway-1', 'storage-0', 'sync-0']) {
      for (let n = 0; n < 10; n++) {
        if (n === 5) await cluster.signal(victim);
        for (const [i, counter] of counters.entries()) {
          await comeBack(counter, i);
          counter.add(1 + random.int(3));
        }
        await sleep(random.int(60));
      }
      await until(async () => (await cluster.ps()).every(({up}) => up), 'all processes to be up again', 60_000);
    }
    for (const [i, counter] of counters.entries()) {
      await comeBack(counter, i);
      counter.add(1);
    }
    for (const counter of counters) expected += counter.positive.get(counter.nodeId);
    await agree(counters, expected);
    assert.equal(valueOf(await readEverywhere('survivors')), expected);
    for (const {client} of counters) await client.close();
  });

  await t.test('once persisted they survive the loss of everything in Redis', async () => {
    const before = {};
    for (const name of ['likes', 'crowd', 'survivors']) before[name] = await readEverywhere(name);
    await cluster.persisted();
    assert.equal(Number(cluster.psql("SELECT value FROM topgun.counters WHERE name = 'crowd'")[0][0]), valueOf(before.crowd));
    // Nobody follows them any more, so no gateway remembers.
    for (const name of ['gateway-0', 'gateway-1']) {
      await until(async () => await cluster.metric(name, /^gateway_counters /) === 0, `${name} to follow none`);
    }
    cluster.redis('FLUSHALL');
    for (const [name, state] of Object.entries(before)) assert.deepEqual(await readEverywhere(name), state, name);
    const client = await connect(1, {nodeId: 'late'});
    const counter = new PnCounter(client, 'crowd');
    counter.add(1);
    await agree([counter], valueOf(before.crowd) + 1);
    await client.close();
  });

  await t.test('what Redis loses before it is persisted comes back from whoever follows it', async () => {
    const client = await connect(0, {nodeId: 'follower'});
    const counter = new PnCounter(client, 'followed');
    counter.add(3);
    await until(async () => valueOf(await read(urls[0], token, 'followed')) === 3, 'the counter');
    await cluster.persisted();
    await cluster.signal('storage-0', 'SIGSTOP');
    counter.add(4);
    await until(async () => valueOf(await read(urls[1], token, 'followed')) === 7, 'the counter to grow');
    cluster.redis('FLUSHALL');
    await cluster.signal('storage-0', 'SIGCONT');
    await until(async () => valueOf(await read(urls[1], token, 'followed')) === 7, 'the counter to be whole again', 60_000);
    assert.equal(counter.value, 7);
    await client.close();
  });
});
