// Input that is broken, oversized, forged or refused: each has its documented answer, and no process dies of it.
import assert from 'node:assert/strict';
import {createHmac, generateKeyPairSync, createSign} from 'node:crypto';
import test from 'node:test';
import WebSocket from 'ws';

import {Client, pack, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const SECRET = 'a-secret-for-this-test-of-more-than-32-bytes';

const base64url = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
function token(header, payload, secret = SECRET) {
  const signed = `${base64url(header)}.${base64url(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
const HS256 = {alg: 'HS256', typ: 'JWT'};
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;

// 20 000 ops per second are allowed: what is refused with 429 is sent again.
async function writeWithinTheRate(client, ops) {
  const last = Number(ops[ops.length - 1].id);
  let acked = false;
  client.waitFor((f) => f.type === 'OP_ACK' && Number(f.payload.lastId) >= last, 'the ack', 60_000).then(() => acked = true);
  while (!acked) {
    const mark = client.frames.length;
    client.send({type: 'OP_BATCH', payload: {ops}});
    await until(() => acked || client.frames.slice(mark).some((f) => f.payload?.code === 429), 'an answer');
  }
}

test('hostile input', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1, env: {JWT_SECRET: SECRET}});
  const [url] = await cluster.urls();
  const pids = async () => (await cluster.ps()).map(({name, pid}) => `${name}:${pid}`).join();
  const started = await pids();
  const client = await new Client(url, {token: cluster.token}).connect();

  const answerTo = async (...ops) => {
    const error = client.waitFor((f) => f.type === 'ERROR', 'ERROR');
    const ack = client.waitFor((f) => f.type === 'OP_ACK', 'OP_ACK');
    client.send({type: 'OP_BATCH', payload: {ops}});
    return {error: (await error).payload, ack: (await ack).payload};
  };

  await t.test('an OP_BATCH with a bad op: ERROR, OP_REJECTED, the good ones applied, results', async () => {
    const [good, bad, late] = [client.put('mixed', 'a', 1), client.put('mixed', 'b', 2), client.put('mixed', 'c', 3)];
    bad.record.timestamp = {millis: -5, counter: 0, nodeId: 'x'};
    const rejected = client.waitFor((f) => f.type === 'OP_REJECTED', 'OP_REJECTED');
    const {error, ack} = await answerTo(good, bad, late);
    assert.equal(error.code, 400);
    assert.match(error.message, /millis/);
    assert.equal((await rejected).payload.opId, bad.id);
    assert.equal(ack.lastId, good.id);
    assert.deepEqual(ack.results.map(({opId, success}) => [opId, success]), [[bad.id, false], [late.id, true]]);
    assert.deepEqual((await client.query('mixed')).map(({key}) => key), ['a', 'c']);
  });

  const refusals = [
    ['an empty map name', () => client.put('', 'k', 1), /mapName/],
    ['a reserved map name', () => client.put('_topgun_x', 'k', 1), /mapName|reserved/],
    ['a reserved map name in other case', () => client.put('__TopGun_x', 'k', 1), /mapName|reserved/],
    ['a map name over 1 KB', () => client.put('m'.repeat(1025), 'k', 1), /mapName/],
    ['a key over 64 KB', () => client.put('m', 'k'.repeat(65537), 1), /key/],
    ['a tag over 64 KB', () => {
      const op = client.orAdd('m', 'k', 1);
      op.orRecord.tag = 't'.repeat(65537);
      return op;
    }, /tag/i],
  ];
  for (const [name, make, text] of refusals) {
    await t.test(`${name} is refused by name`, async () => {
      const op = make();
      const {error, ack} = await answerTo(op);
      assert.equal(error.code, 400);
      assert.match(error.message, text);
      assert.deepEqual(ack.results.map(({opId, success}) => [opId, success]), [[op.id, false]]);
      assert.ok(Number(ack.lastId) < Number(op.id));
    });
  }

  await t.test("':' in a map name is allowed", async () => {
    await client.write(client.put('a:b', 'k', 1));
    assert.equal((await client.query('a:b')).length, 1);
  });

  await t.test('undecodable frames are dropped silently and counted, the connection works on', async () => {
    const before = await cluster.metric('gateway-0', /^gateway_frames_dropped_total/);
    const whole = pack({type: 'OP_BATCH', payload: {ops: [client.put('m', 'k', 1)]}});
    let deep = Buffer.from([0xc0]);
    for (let i = 0; i < 500; i++) deep = Buffer.concat([Buffer.from([0x91]), deep]);
    const frames = [whole.subarray(0, whole.length - 3), Buffer.from([0xc1]), Buffer.from([0xdd, 0xff, 0xff, 0xff, 0xff]),
                    Buffer.from([0xdf, 0xff, 0xff, 0xff, 0xff]), Buffer.from([0xff, 0xff]), deep, Buffer.alloc(0),
                    pack({type: 'NO_SUCH_TYPE'}), pack([1, 2]), pack({payload: {}})];
    const seen = client.frames.length;
    for (const frame of frames) client.sendRaw(frame);
    client.socket.send('{"type":"PING","timestamp":1}');
    await client.write(client.put('m', 'k', 2));
    assert.deepEqual(client.frames.slice(seen).map(({type}) => type), ['OP_ACK']);
    const after = await cluster.metric('gateway-0', /^gateway_frames_dropped_total/);
    assert.ok(after - before >= frames.length, `${after - before} counted`);
  });

  await t.test('a frame above the limit before authentication ends the connection', async () => {
    const early = new WebSocket(url);
    const closed = new Promise((resolve) => early.once('close', resolve));
    early.on('error', () => {});
    await new Promise((resolve) => early.once('open', resolve));
    early.send(Buffer.alloc(3 * 1024 * 1024));
    await closed;
  });

  await t.test('a 3 MB frame of one backlog is taken after authentication', async () => {
    const ops = Array.from({length: 300}, (_, i) => client.put('backlog', `k${i}`, 'x'.repeat(10_000)));
    await client.write(...ops);
    assert.equal((await client.query('backlog')).length, 300);
  });

  await t.test('100 000 keys in one map', async () => {
    const feeder = await new Client(url, {token: cluster.token}).connect();
    for (let at = 0; at < 100_000; at += 2500) {
      const ops = Array.from({length: 2500}, (_, i) => feeder.put('big', `k${at + i}`, at + i));
      await writeWithinTheRate(feeder, ops);
    }
    const answered = feeder.waitFor((f) => f.type === 'QUERY_RESP', 'the snapshot');
    await feeder.query('big');
    const {payload} = await answered;
    assert.equal(payload.results.length, 10_000);
    assert.equal(payload.hasMore, true);
    await feeder.close();
  });

  const {privateKey} = generateKeyPairSync('rsa', {modulusLength: 2048});
  const claims = {sub: 'u', iat: 0, exp: inAnHour()};
  const rs256 = `${base64url({alg: 'RS256'})}.${base64url(claims)}`;
  const forgeries = {
    'garbage': 'not.a.token',
    'an expired token': token(HS256, {sub: 'u', exp: Math.floor(Date.now() / 1000) - 120}),
    'a token without exp': token(HS256, {sub: 'u'}),
    'a token without sub': token(HS256, {exp: inAnHour()}),
    'another secret': token(HS256, claims, 'another secret of more than thirty-two bytes'),
    'alg none': `${base64url({alg: 'none'})}.${base64url(claims)}.`,
    'a wrong algorithm': `${rs256}.${createSign('RSA-SHA256').update(rs256).sign(privateKey).toString('base64url')}`,
  };
  for (const [name, forged] of Object.entries(forgeries)) {
    await t.test(`${name}: AUTH_FAIL, then close`, async () => {
      const intruder = new Client(url, {token: forged});
      const failed = intruder.waitFor((f) => f.type === 'AUTH_FAIL', 'AUTH_FAIL');
      intruder.connect().catch(() => {});
      assert.equal((await failed).error, 'Authentication failed');
      await intruder.closed;
    });
  }

  await t.test('within the leeway of 60 s an expired token is accepted', async () => {
    const late = await new Client(url, {token: token(HS256, {sub: 'u', exp: Math.floor(Date.now() / 1000) - 30})}).connect();
    await late.close();
  });

  await t.test('a BATCH: inner messages count, lying counts do not help', async () => {
    const item = (message) => {
      const body = Buffer.isBuffer(message) ? message : pack(message);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(body.length);
      return Buffer.concat([length, body]);
    };
    const batch = (items) => pack({type: 'BATCH', count: 1, data: Buffer.concat(items)});
    const ops = Array.from({length: 5}, () => ({type: 'CLIENT_OP', payload: client.put('batch', 'k', 1)}));
    const seen = client.frames.length;
    client.sendRaw(batch([...ops.slice(0, 2).map(item), item(Buffer.from([0xc1])), ...ops.slice(2).map(item)]));
    await until(() => client.frames.slice(seen).filter(({type}) => type === 'OP_ACK').length === 5, 'five acks');
    const flooder = await new Client(url, {token: cluster.token}).connect();
    const limited = flooder.waitFor((f) => f.type === 'ERROR' && f.payload.code === 429, '429');
    const empty = batch([Buffer.alloc(4 * 40_001)]);
    flooder.sendRaw(empty);
    flooder.sendRaw(empty);
    await limited;
    const tooMany = flooder.waitFor((f) => f.type === 'ERROR' && f.payload.code === 413, '413');
    const refused = () => flooder.frames.slice(mark).some((f) => f.payload?.code === 413);
    const mark = flooder.frames.length;
    await until(() => { flooder.sendRaw(batch([Buffer.alloc(4 * 8193)])); return refused(); }, '413');
    assert.equal((await tooMany).payload.message, 'batch exceeds maximum inner item count');
    await flooder.close();
  });

  assert.equal(await pids(), started, 'no process died');
  await client.write(client.put('m', 'still', 'here'));
  await client.close();
});
