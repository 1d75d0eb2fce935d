// Write concerns (core.md 5.6): what an ack claims is true when it arrives, and never more than that.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const isAck = (frame) => frame.type === 'OP_ACK';

// Sends one OP_BATCH; resolves with the next ack, whatever it covers.
async function send(client, ops, fields = {}) {
  const acked = client.waitFor(isAck, `an ack of ${ops.map(({id}) => id)}`);
  client.send({type: 'OP_BATCH', payload: {ops, ...fields}});
  return (await acked).payload;
}

const storedValue = (cluster, map, key) => cluster.psql(
    `SELECT value #>> '{}' FROM topgun.records WHERE map = '${map}' AND key = '${key}' AND NOT deleted`)[0]?.[0];

test('write concerns on two gateways, two sync replicas and two storage services', async (t) => {
  const cluster = await Cluster.start(t);
  const clients = [];
  for (const url of await cluster.urls()) clients.push(await new Client(url, {token: cluster.token}).connect());
  const [one, other] = clients;

  await t.test('PERSISTED: the row is in Postgres when the ack arrives', async () => {
    for (let i = 0; i < 20; i++) {
      const client = clients[i % 2];
      const op = client.put('persisted', `k${i}`, `v${i}`);
      const ack = await send(client, [op], {writeConcern: 'PERSISTED'});
      assert.equal(storedValue(cluster, 'persisted', `k${i}`), `v${i}`);
      assert.deepEqual(ack, {lastId: op.id, achievedLevel: 'PERSISTED'});
    }
  });

  await t.test('PERSISTED: a whole batch over all shards', async () => {
    const ops = Array.from({length: 300}, (_, i) => one.put('many', `k${i}`, i));
    const ack = await send(one, ops, {writeConcern: 'PERSISTED'});
    const [[count]] = cluster.psql("SELECT count(*) FROM topgun.records WHERE map = 'many'");
    assert.equal(count, '300');
    assert.deepEqual(ack, {lastId: ops.at(-1).id, achievedLevel: 'PERSISTED'});
  });

  await t.test('PERSISTED: also what changes nothing is known to be stored', async () => {
    const op = other.put('again', 'k', 'same');
    await send(other, [op]);
    const ack = await send(other, [op], {writeConcern: 'PERSISTED'});
    assert.equal(storedValue(cluster, 'again', 'k'), 'same');
    assert.equal(ack.achievedLevel, 'PERSISTED');
  });

  await t.test('REPLICATED without replicas of Redis: persistence takes its place', async () => {
    const ack = await send(one, [one.put('replicated', 'k', 'v')], {writeConcern: 'REPLICATED'});
    assert.equal(storedValue(cluster, 'replicated', 'k'), 'v');
    assert.equal(ack.achievedLevel, 'PERSISTED');
  });

  await t.test('APPLIED: other gateways read it, named or not', async () => {
    for (const fields of [{}, {writeConcern: 'APPLIED'}]) {
      const op = one.put('applied', 'k', fields);
      assert.deepEqual(await send(one, [op], fields), {lastId: op.id, achievedLevel: 'APPLIED'});
      assert.deepEqual(await other.query('applied', `q-${op.id}`), [{key: 'k', value: fields}]);
    }
  });

  await t.test('MEMORY and FIRE_AND_FORGET claim less, and arrive all the same', async () => {
    const [forgotten, remembered] = [one.put('early', 'forgotten', 1), one.put('early', 'remembered', 2)];
    const ack = await send(one, [forgotten], {writeConcern: 'FIRE_AND_FORGET'});
    assert.deepEqual(ack, {lastId: forgotten.id, achievedLevel: 'FIRE_AND_FORGET'});
    const {achievedLevel} = await send(one, [remembered], {writeConcern: 'MEMORY'});
    assert.ok(['MEMORY', 'APPLIED'].includes(achievedLevel), achievedLevel);
    // Their own connection's reads wait for them.
    const rows = await one.query('early');
    assert.deepEqual(rows.map(({key}) => key).sort(), ['forgotten', 'remembered']);
  });

  await t.test('an op overrides its batch and is told its own level; the frame has reached the lowest', async () => {
    const [plain, stored, named] = ['plain', 'stored', 'named'].map((key) => one.put('mixed', key, key));
    const ack = await send(one, [plain, {...stored, writeConcern: 'PERSISTED'}, {...named, writeConcern: 'APPLIED'}]);
    assert.equal(storedValue(cluster, 'mixed', 'stored'), 'stored');
    assert.equal(ack.lastId, named.id);
    assert.equal(ack.achievedLevel, 'APPLIED');
    const levels = Object.fromEntries(ack.results.map(({opId, success, achievedLevel}) => [opId, [success, achievedLevel]]));
    assert.deepEqual(levels, {[stored.id]: [true, 'PERSISTED'], [named.id]: [true, 'APPLIED']});
  });

  await t.test('an unknown level is refused by name, any number is a timeout', async () => {
    const op = one.put('refused', 'k', 1);
    const refused = one.waitFor((f) => f.type === 'ERROR' && f.payload.code === 400, 'ERROR 400');
    const ack = await send(one, [op], {writeConcern: 'SOON'});
    assert.match((await refused).payload.message, /writeConcern/);
    assert.deepEqual(ack.results.map(({opId, success}) => [opId, success]), [[op.id, false]]);
    assert.deepEqual(await one.query('refused'), []);
    for (const timeout of [0, -1, 1e12, NaN]) {
      const accepted = one.put('accepted', 'k', 1);
      assert.equal((await send(one, [accepted], {timeout})).lastId, accepted.id);
    }
  });

  await t.test('PERSISTED while Postgres stands still: no ack before it goes on, APPLIED at the timeout', async () => {
    await send(one, [one.put('still', 'before', 1)], {writeConcern: 'PERSISTED'});
    await cluster.signalFamily('postgres', 'SIGSTOP');
    const hurried = other.put('still', 'hurried', 'h');
    const timedOut = await send(other, [hurried], {writeConcern: 'PERSISTED', timeout: 1000});
    assert.equal(timedOut.achievedLevel, 'APPLIED');
    assert.deepEqual(timedOut.results, [{opId: hurried.id, success: false, achievedLevel: 'APPLIED', error: 'timeout'}]);

    const patient = one.put('still', 'patient', 'p');
    const acks = [];
    one.onFrame((frame) => isAck(frame) && acks.push(frame.payload));
    one.send({type: 'OP_BATCH', payload: {ops: [patient], writeConcern: 'PERSISTED'}});
    // It is applied: others read it, its own connection too, while later frames wait for their turn.
    await until(async () => (await other.query('still', `q-${Math.random()}`)).some(({key}) => key === 'patient'), 'the write');
    assert.ok((await one.query('still')).some(({key}) => key === 'patient'));
    const behind = one.put('still', 'behind', 'b');
    one.send({type: 'OP_BATCH', payload: {ops: [behind]}});
    await sleep(1500);
    assert.deepEqual(acks, []);

    await cluster.signalFamily('postgres', 'SIGCONT');
    await until(() => acks.length === 2, 'the acks', 60_000);
    assert.equal(storedValue(cluster, 'still', 'patient'), 'p');
    assert.deepEqual(acks, [{lastId: patient.id, achievedLevel: 'PERSISTED'}, {lastId: behind.id, achievedLevel: 'APPLIED'}]);
    await until(() => storedValue(cluster, 'still', 'hurried') === 'h', 'the write that was not waited for');
  });

  await t.test('what Redis lost before it was persisted is written again, not acknowledged', async () => {
    await cluster.signalFamily('postgres', 'SIGSTOP');
    const op = one.put('lost', 'k', 'survives');
    const acked = one.waitFor(isAck, 'the ack', 90_000);
    one.send({type: 'OP_BATCH', payload: {ops: [op], writeConcern: 'PERSISTED'}});
    await until(async () => (await other.query('lost', `q-${Math.random()}`)).length === 1, 'the write');
    cluster.redis('FLUSHALL');
    await cluster.signalFamily('postgres', 'SIGCONT');
    assert.deepEqual((await acked).payload, {lastId: op.id, achievedLevel: 'PERSISTED'});
    assert.equal(storedValue(cluster, 'lost', 'k'), 'survives');
  });

  await t.test('what was not applied by its timeout: ERROR 504, no ack past it until it is', async () => {
    await cluster.signal('redis', 'SIGSTOP');
    const [slow, behind] = [one.put('slow', 'k', 1), one.put('slow', 'other', 2)];
    const failed = one.waitFor((f) => f.type === 'ERROR' && f.payload.code === 504, 'ERROR 504');
    const acks = [];
    one.onFrame((frame) => isAck(frame) && acks.push(frame.payload));
    one.send({type: 'OP_BATCH', payload: {ops: [slow], timeout: 500}});
    assert.match((await failed).payload.message, new RegExp(`\\b${slow.id}\\b`));
    one.send({type: 'OP_BATCH', payload: {ops: [behind]}});
    assert.deepEqual(acks, []);
    await cluster.signal('redis', 'SIGCONT');
    await until(() => acks.length === 2, 'both to be acknowledged by name', 60_000);
    for (const {lastId} of acks) assert.ok(Number(lastId) < Number(slow.id) || acks.at(-1).lastId === lastId, lastId);
    const named = new Set(acks.flatMap(({results = []}) => results.map(({opId}) => opId)));
    assert.ok(named.has(slow.id));
    assert.equal((await other.query('slow')).length, 2);
  });

  // Redis stands still, so what is acknowledged cannot have been committed.
  await t.test('MEMORY survives the gateway: the sync replica goes on with it', async () => {
    await cluster.signal('redis', 'SIGSTOP');
    const writer = await new Client((await cluster.urls())[0], {token: cluster.token}).connect();
    const op = writer.put('memory', 'gateway', 1);
    assert.deepEqual(await send(writer, [op], {writeConcern: 'MEMORY'}), {lastId: op.id, achievedLevel: 'MEMORY'});
    await cluster.signal('gateway-0');
    await cluster.signal('redis', 'SIGCONT');
    await until(async () => (await other.query('memory', `q-${Math.random()}`)).length === 1, 'the write', 60_000);
  });

  await t.test('FIRE_AND_FORGET and MEMORY survive the sync replicas: the gateway sends them again', async () => {
    await cluster.signal('redis', 'SIGSTOP');
    const [forgotten, remembered] = [other.put('sync', 'forgotten', 1), other.put('sync', 'remembered', 2)];
    await send(other, [forgotten], {writeConcern: 'FIRE_AND_FORGET'});
    assert.equal((await send(other, [remembered], {writeConcern: 'MEMORY'})).achievedLevel, 'MEMORY');
    for (const {name} of await cluster.processes('sync')) await cluster.signal(name);
    await cluster.signal('redis', 'SIGCONT');
    const reader = await new Client((await cluster.urls())[1], {token: cluster.token}).connect();
    await until(async () => (await reader.query('sync', `q-${Math.random()}`)).length === 2, 'both writes', 60_000);
    await reader.close();
  });

  await t.test('the metrics count levels and timeouts', async () => {
    const sum = async (pattern) => await cluster.metric('gateway-0', pattern) + await cluster.metric('gateway-1', pattern);
    for (const level of ['FIRE_AND_FORGET', 'APPLIED', 'PERSISTED', 'MEMORY']) {
      assert.ok(await sum(new RegExp(`^gateway_acked_ops_total{.*${level}`)) > 0, level);
    }
    assert.ok(await sum(/^gateway_op_timeouts_total{.*state="applied"/) >= 1);
    await until(async () => await sum(/^gateway_waiting_ops/) === 0, 'nothing to wait');
  });
});

test('without storage PERSISTED is answered with APPLIED', async (t) => {
  const program = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../deploy/local/topgun-server');
  const env = {...process.env, STORAGE_BACKEND: 'null', TOPGUN_NO_AUTH: 'true'};
  const server = spawn(program, ['--port', '0'], {env, detached: true, stdio: ['ignore', 'pipe', 'ignore']});
  t.after(() => process.kill(-server.pid, 'SIGTERM'));
  const port = await new Promise((resolve, reject) => {
    server.stdout.on('data', (data) => resolve(/PORT=(\d+)/.exec(data)[1]));
    server.once('exit', (code) => reject(new Error(`topgun-server ended with ${code}`)));
  });
  const client = await new Client(`ws://127.0.0.1:${port}/ws`).connect();
  for (const writeConcern of ['PERSISTED', 'REPLICATED']) {
    const op = client.put('m', writeConcern, 1);
    assert.deepEqual(await send(client, [op], {writeConcern}), {lastId: op.id, achievedLevel: 'APPLIED'});
  }
  const named = {...client.put('m', 'named', 1), writeConcern: 'PERSISTED', timeout: 60_000};
  assert.deepEqual((await send(client, [named])).results, [{opId: named.id, success: true, achievedLevel: 'APPLIED'}]);
  await client.close();
});
