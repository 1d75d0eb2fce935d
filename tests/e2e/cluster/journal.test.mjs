// The event journal of a cluster (features.md 6, docs/journal.md): every gateway tells the same events, over all shards, and still does when
// processes die.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

// A client that follows the journal.
class Follower {
  constructor(client) {
    this.client = client;
    this.events = [];
    client.onFrame(({type, event}) => type === 'JOURNAL_EVENT' && this.events.push(event));
    this.ids = 0;
  }

  // There is no answer: the subscription is in force once an event that comes after it is heard. `probe` writes such events.
  async subscribe({mapName, fromSequence, types} = {}, probe) {
    const requestId = `sub-${++this.ids}`;
    this.client.send({
      type: 'JOURNAL_SUBSCRIBE', requestId, ...(mapName && {mapName}), ...(fromSequence && {fromSequence}), ...(types && {types})});
    if (probe) {
      await until(async () => {
        await probe();
        return this.events.length > 0;
      }, 'the subscription', 20_000);
      // What the probe wrote last is told, too.
      const last = await probe();
      await this.until((event) => event.key === last, last);
      this.events.length = 0;
    }
    return requestId;
  }

  unsubscribe(subscriptionId) {
    this.client.send({type: 'JOURNAL_UNSUBSCRIBE', subscriptionId});
  }

  until(matches, what) {
    return until(() => this.events.find(matches), `the event of ${what}`);
  }

  keys(mapName) {
    return this.events.filter((event) => event.mapName === mapName).map(({key}) => key);
  }
}

let requests = 0;
async function read(client, {fromSequence = '0', limit, mapName} = {}) {
  const requestId = `read-${++requests}`;
  const answered = client.waitFor((frame) => frame.type === 'JOURNAL_READ_RESPONSE' && frame.requestId === requestId, 'the answer');
  client.send({type: 'JOURNAL_READ', requestId, fromSequence, ...(limit !== undefined && {limit}), ...(mapName && {mapName})});
  return answered;
}

// All pages, as a client goes on.
async function readAll(client, {limit = 100, ...query} = {}) {
  const events = [];
  for (let fromSequence = '0';;) {
    const page = await read(client, {...query, fromSequence, limit});
    assert.ok(page.events.length <= limit);
    events.push(...page.events);
    if (!page.hasMore) return events;
    if (page.events.length > 0) fromSequence = String(BigInt(page.events.at(-1).sequence) + 1n);
  }
}

function assertAscending(events) {
  for (let i = 1; i < events.length; i++) {
    assert.ok(BigInt(events[i - 1].sequence) < BigInt(events[i].sequence), `${events[i - 1].sequence} before ${events[i].sequence}`);
  }
}

// Writes a new key of the map each time.
const probeOf = (client, map) => {
  let probes = 0;
  return async () => {
    const key = `probe-${probes++}`;
    await client.write(client.put(map, key, 0));
    return key;
  };
};

test('the journal of a cluster of two gateways', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const connect = (url) => new Client(url, {token: cluster.token}).connect();
  const writer = await connect(first);
  const reader = await connect(second);
  const own = new Follower(writer);
  const other = new Follower(reader);

  await t.test('both gateways tell a PUT, the writer hears it too', async () => {
    const probe = probeOf(writer, 'todos');
    await own.subscribe({mapName: 'todos'}, probe);
    await other.subscribe({}, probe);
    own.events.length = 0;
    const op = writer.put('todos', 'todo-1', {title: 'x'});
    await writer.write(op);
    for (const follower of [own, other]) {
      const event = await follower.until(({key}) => key === 'todo-1', 'todo-1');
      assert.deepEqual({...event, sequence: undefined}, {
        sequence: undefined, type: 'PUT', mapName: 'todos', key: 'todo-1', value: {title: 'x'}, timestamp: op.record.timestamp,
        nodeId: writer.nodeId});
      assert.equal(typeof event.sequence, 'string');
      assert.match(event.sequence, /^[1-9][0-9]*$/);
      assert.ok(Number(event.sequence) > 0);
    }
    assert.equal(own.events.at(-1).sequence, other.events.at(-1).sequence);
  });

  await t.test('a removal without a record is a DELETE, and the only thing a filter on DELETE lets through', async () => {
    const removals = new Follower(await connect(second));
    const put = probeOf(writer, 'inbox');
    const probe = async () => {
      const key = await put();
      await writer.write(writer.remove('inbox', key));
      return key;
    };
    await removals.subscribe({mapName: 'inbox', types: ['DELETE']}, probe);
    await writer.write(writer.put('inbox', 'msg-1', {body: 'y'}));
    await writer.write({...writer.remove('inbox', 'msg-1'), record: null});
    const event = await removals.until(({key}) => key === 'msg-1', 'msg-1');
    assert.equal(event.type, 'DELETE');
    assert.ok(!('value' in event));
    assert.equal(typeof event.nodeId, 'string');
    assert.deepEqual(removals.events.map(({type, key}) => [type, key]), [['DELETE', 'msg-1']]);
    await removals.client.close();
  });

  await t.test('OR maps, and reads by map', async () => {
    const add = writer.orAdd('tags', 'k', 'work');
    await writer.write(add);
    await writer.write(writer.orRemove('tags', 'k', add.orRecord.tag));
    await writer.write(writer.put('orders', 'order-1', {n: 1}));
    for (const client of [writer, reader]) {
      const {events, hasMore} = await read(client, {mapName: 'tags', limit: 100});
      assert.deepEqual(events.map(({type, key, value}) => [type, key, value]), [['PUT', 'k', 'work'], ['DELETE', 'k', undefined]]);
      assert.equal(hasMore, false);
      assert.deepEqual((await read(client, {mapName: 'orders'})).events.map(({key}) => key), ['order-1']);
    }
  });

  await t.test('a batch over all shards arrives in the order in which reads have it', async () => {
    other.events.length = 0;
    const ops = Array.from({length: 300}, (_, i) => writer.put('batch', `b${i}`, i));
    for (let i = 0; i < ops.length; i += 20) await writer.write(...ops.slice(i, i + 20));
    await until(() => other.keys('batch').length === 300, '300 events');
    const pushed = other.events.filter(({mapName}) => mapName === 'batch');
    assertAscending(pushed);
    for (const client of [writer, reader]) {
      const events = await readAll(client, {mapName: 'batch', limit: 37});
      assert.deepEqual(events, pushed);
    }
    const all = await readAll(reader, {limit: 1000});
    assertAscending(all);
    assert.deepEqual(all.filter(({mapName}) => mapName === 'batch'), pushed);
    assert.ok(!all.some(({mapName}) => mapName.startsWith('_topgun_')));
    const [oldest] = (await read(writer, {limit: 1})).events;
    assert.equal(oldest.sequence, all[0].sequence);
    assert.deepEqual((await read(writer, {fromSequence: 'nonsense', limit: 1})).events, [oldest]);
  });

  await t.test('a replay and what happens behind it are one sequence', async () => {
    const late = new Follower(await connect(second));
    let writing = true;
    const written = (async () => {
      let n = 0;
      for (; writing; n++) await writer.write(writer.put('replayed', `r${n}`, n));
      return n;
    })();
    await until(() => other.keys('replayed').length >= 50, 'some writes');
    await late.subscribe({mapName: 'replayed', fromSequence: '0'});
    await until(() => late.keys('replayed').length >= 150, 'the replay, and more');
    writing = false;
    const count = await written;
    await late.until(({key}) => key === `r${count - 1}`, 'the last write');
    // Writes of one millisecond in two shards are told in the order of the shards.
    const inOrder = Array.from({length: count}, (_, i) => `r${i}`);
    assert.deepEqual(late.keys('replayed').sort(), inOrder.sort(), 'no hole, no repetition');
    assertAscending(late.events);
    const told = late.keys('replayed');

    const middle = late.events[40].sequence;
    const resumed = new Follower(late.client);
    resumed.unsubscribe('sub-1');
    await resumed.subscribe({mapName: 'replayed', fromSequence: middle});
    await resumed.until(({key}) => key === told.at(-1), 'the last event');
    assert.deepEqual(resumed.keys('replayed'), told.slice(40));
    await late.client.close();
  });

  await t.test('what is unsubscribed is not told, whoever else uses the same id', async () => {
    const client = await connect(first);
    const follower = new Follower(client);
    const id = await follower.subscribe({mapName: 'todos'}, probeOf(writer, 'todos'));
    follower.unsubscribe(id);
    await read(client);  // frames are handled in order
    follower.events.length = 0;
    own.events.length = 0;
    await writer.write(writer.put('todos', 'todo-2', 2));
    await own.until(({key}) => key === 'todo-2', 'todo-2');
    await other.until(({key}) => key === 'todo-2', 'todo-2');
    assert.deepEqual(follower.events, []);
    await client.close();
  });

  await t.test('sync replicas are killed: followers miss nothing, and reads go on', async () => {
    other.events.length = 0;
    let writing = true;
    const written = (async () => {
      let n = 0;
      for (; writing; n++) await writer.write(writer.put('survivors', `s${n}`, n));
      return n;
    })();
    await until(() => other.keys('survivors').length >= 30, 'some writes');
    for (const name of ['sync-0', 'sync-1']) {
      const before = other.keys('survivors').length;
      await cluster.signal(name);
      await until(() => other.keys('survivors').length >= before + 60, 'writes after the kill', 60_000);
      await until(async () => (await cluster.ps()).every(({up}) => up), 'all processes to be up again', 60_000);
    }
    writing = false;
    const count = await written;
    const expected = Array.from({length: count}, (_, i) => `s${i}`);
    await until(() => other.keys('survivors').length >= count, 'all events');
    assert.deepEqual([...other.keys('survivors')].sort(), [...expected].sort(), 'each once');
    // Redis has what the replicas had in memory; the gateways agree.
    const atFirst = await readAll(writer, {mapName: 'survivors'});
    const atSecond = await readAll(reader, {mapName: 'survivors'});
    assert.deepEqual(atFirst, atSecond);
    assertAscending(atFirst);
    const held = new Set(atFirst.map(({key}) => key));
    assert.deepEqual(expected.slice(-60).filter((key) => !held.has(key)), []);
  });

  for (const client of [writer, reader]) await client.close();
});

test('the journal and the policies of maps', async (t) => {
  const cluster = await Cluster.start(t, {storage: 1, env: {TOPGUN_ADMIN_SUBJECTS: 'root'}});
  const [first, second] = await cluster.urls();
  const token = async (...args) => (await cluster.topgun('token', ...args)).trim();
  const connect = async (url, sub) => new Client(url, {token: await token('--sub', sub)}).connect();
  const root = await connect(first, 'root');
  const alice = new Follower(await connect(second, 'alice'));
  const operator = await token('--sub', 'operator', '--roles', 'admin');
  const policies = `${first.replace(/^ws/, 'http').replace(/\/ws$/, '')}/api/admin/policies`;
  const headers = {authorization: `Bearer ${operator}`, 'content-type': 'application/json'};
  const allow = async (mapPattern) => {
    const body = JSON.stringify({id: mapPattern, mapPattern, action: 'read', effect: 'allow'});
    assert.equal((await fetch(policies, {method: 'POST', headers, body})).status, 201);
  };
  const is403 = ({type, payload}) => type === 'ERROR' && payload.code === 403;

  await allow('open');
  const refused = alice.client.waitFor(is403, 'ERROR 403');
  // The policy is known at the other gateway when it refuses.
  await until(async () => {
    alice.client.send({type: 'JOURNAL_READ', requestId: 'probe', fromSequence: '0', mapName: 'secret'});
    return Promise.race([refused.then(() => true), new Promise((resolve) => setTimeout(resolve, 50, false))]);
  }, 'the policy');

  await alice.subscribe({}, probeOf(root, 'open'));
  await root.write(root.put('secret', 'k1', 1));
  await root.write(root.put('open', 'k1', 1));
  await alice.until(({key}) => key === 'k1', 'k1');
  assert.deepEqual(alice.keys('secret'), []);
  assert.ok((await readAll(alice.client)).every(({mapName}) => mapName === 'open'));
  const denied = alice.client.waitFor(is403, 'ERROR 403');
  const {events, hasMore} = await read(alice.client, {mapName: 'secret'});
  assert.deepEqual({events, hasMore}, {events: [], hasMore: false});
  await denied;

  const told = alice.client.waitFor(is403, 'ERROR 403');
  await alice.subscribe({mapName: 'secret'});
  await told;
  await allow('secret');
  let n = 2;
  await until(async () => {
    await root.write(root.put('secret', `k${n++}`, n));
    return alice.keys('secret').length > 0;
  }, 'the events of a map that may be read now');
  assert.ok((await readAll(alice.client)).some(({mapName, key}) => mapName === 'secret' && key === 'k1'));

  const deniedAgain = alice.client.waitFor(is403, 'ERROR 403');
  assert.equal((await fetch(`${policies}/secret`, {method: 'DELETE', headers})).status, 204);
  await deniedAgain;
  alice.events.length = 0;
  await root.write(root.put('secret', 'last', 1));
  await root.write(root.put('open', 'last', 1));
  await alice.until(({key}) => key === 'last', 'last');
  assert.deepEqual(alice.keys('secret'), []);
  for (const {client} of [alice, {client: root}]) await client.close();
});

test('a journal that is switched off', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1, env: {TOPGUN_JOURNAL_ENABLED: 'off'}});
  const [url] = await cluster.urls();
  const client = await new Client(url, {token: cluster.token}).connect();
  const follower = new Follower(client);
  await follower.subscribe();
  await client.write(client.put('m', 'k', 1));
  const {events, hasMore} = await read(client);
  assert.deepEqual({events, hasMore}, {events: [], hasMore: false});
  assert.deepEqual(follower.events, []);
  assert.ok(!client.frames.some(({type}) => type === 'ERROR'));
  await client.close();
});
