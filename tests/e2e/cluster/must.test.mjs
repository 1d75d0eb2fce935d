// Every MUST of core.md section 13 that a raw client can see, each named after the test file that pins it. What needs a client that remembers is in
// must_client, endpoints and policies (http-sync, mcp-server, rbac) in must_endpoints, several servers (cluster-routing) in
// cli/topgun_server_cluster.
import assert from 'node:assert/strict';
import test from 'node:test';
import WebSocket from 'ws';

import {Client, pack, unpack, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {readBucket, readRoot, walk} from '../support/merkle_walk.mjs';
import {endOfValue, packFloats} from '../support/msgpack_bytes.mjs';

// A socket whose frames are only collected.
async function rawSocket(url) {
  const socket = new WebSocket(url, {perMessageDeflate: false});
  const frames = [];
  const messages = [];
  let closed = false;
  socket.on('message', (data, isBinary) => {
    assert.ok(isBinary);
    messages.push(data);
    frames.push(unpack(data));
  });
  socket.on('close', () => closed = true);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return {
    frames,
    messages,
    isClosed: () => closed,
    send: (message) => socket.send(pack(message)),
    sendRaw: (bytes) => socket.send(bytes),
    has: (type) => until(() => frames.find((f) => f.type === type), type),
    close: () => socket.close(),
  };
}

const clientOp = (op) => ({type: 'CLIENT_OP', payload: op});
async function writeSingly(client, op) {
  const acked = client.waitFor((f) => f.type === 'OP_ACK' && f.payload.lastId === op.id, `the ack of ${op.id}`);
  client.send(clientOp(op));
  return (await acked).payload;
}

test('core.md 13 on two gateways and two sync replicas', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const connect = (url = first) => new Client(url, {token: cluster.token}).connect();
  const one = await connect(first);
  const two = await connect(second);

  await t.test('connection-auth: AUTH_REQUIRED comes first, before anything was sent (2.1)', async () => {
    for (const url of [first, first.replace(/\/ws$/, '/')]) {
      const socket = await rawSocket(url);
      await socket.has('AUTH_REQUIRED');
      assert.deepEqual(socket.frames, [{type: 'AUTH_REQUIRED'}]);
      socket.close();
    }
  });

  await t.test('connection-auth: a valid token gets AUTH_ACK, a second AUTH is ignored (2.1)', async () => {
    const socket = await rawSocket(first);
    socket.send({type: 'AUTH', token: cluster.token});
    socket.send({type: 'AUTH', token: cluster.token});
    const ack = await socket.has('AUTH_ACK');
    assert.equal(ack.userId, 'e2e');
    socket.send({type: 'PING', timestamp: 1});
    await socket.has('PONG');
    assert.equal(socket.frames.filter((f) => f.type === 'AUTH_ACK').length, 1);
    assert.equal(socket.isClosed(), false);
    socket.close();
  });

  await t.test('connection-auth: garbage gets AUTH_FAIL, then the end (2.1)', async () => {
    const socket = await rawSocket(second);
    socket.send({type: 'AUTH', token: 'not-a-token'});
    assert.equal((await socket.has('AUTH_FAIL')).error, 'Authentication failed');
    await until(socket.isClosed, 'the close');
  });

  await t.test('connection-auth: several connections at once, and again after a close (2.1)', async () => {
    const clients = await Promise.all(Array.from({length: 10}, (_, i) => connect(i % 2 ? first : second)));
    await Promise.all(clients.map((client) => client.close()));
    await (await connect(second)).close();
  });

  await t.test('device-identity: DEVICE_HELLO before AUTH is harmless (2.1)', async () => {
    const socket = await rawSocket(first);
    await socket.has('AUTH_REQUIRED');
    socket.send({type: 'DEVICE_HELLO'});
    socket.send({type: 'AUTH', token: cluster.token});
    await socket.has('AUTH_ACK');
    assert.ok(!socket.frames.some((f) => f.type === 'AUTH_FAIL'));
    assert.equal(socket.isClosed(), false);
    socket.close();
  });

  await t.test('every frame of the server is one value, with string keys, without extensions and never a BATCH (1.3, 1.5)', async () => {
    const socket = await rawSocket(second);
    socket.send({type: 'AUTH', token: cluster.token});
    await socket.has('AUTH_ACK');
    socket.send({type: 'QUERY_SUB', payload: {queryId: 'all', mapName: 'encoded', query: {}}});
    await socket.has('QUERY_RESP');
    await one.write(one.put('encoded', 'k', {list: [1, -1, 2 ** 40, 1.5, null, true, 'é😀'], empty: {}}), one.orAdd('encoded', 'k', 'x'));
    await one.write(one.remove('encoded', 'k'));
    await until(() => socket.frames.some((f) => f.type === 'SERVER_EVENT' && f.payload.eventType === 'REMOVE'), 'the removal');
    socket.send({type: 'SYNC_INIT', mapName: 'encoded', lastSyncTimestamp: 0});
    socket.send({type: 'ORMAP_SYNC_INIT', mapName: 'encoded', rootHash: 0, bucketHashes: {}, lastSyncTimestamp: 0});
    socket.send({type: 'OP_BATCH', payload: {ops: []}});
    socket.send({type: 'PING', timestamp: 1});
    for (const type of ['SYNC_RESP_ROOT', 'ORMAP_SYNC_RESP_ROOT', 'OP_ACK', 'PONG']) await socket.has(type);
    for (const bytes of socket.messages) assert.equal(endOfValue(bytes), bytes.length, bytes.toString('hex'));
    assert.ok(!socket.frames.some(({type}) => type === 'BATCH'));
    socket.close();
  });

  await t.test('whole numbers may be float64, unknown keys are ignored (1.2)', async () => {
    const op = one.put('lenient', 'k', 'x');
    op.record.ttlMs = 3_600_000;
    Object.assign(op, {unknown: {deep: [1]}, timestamp: op.record.timestamp});
    const acked = one.waitFor((f) => f.type === 'OP_ACK' && f.payload.lastId === op.id, 'the ack');
    one.sendRaw(packFloats({type: 'OP_BATCH', unknown: 1, payload: {ops: [op], timeout: 5000, unknown: null}}));
    await acked;
    const answered = one.waitFor((f) => f.type === 'SYNC_RESP_ROOT' && f.payload.mapName === 'lenient', 'the root');
    one.sendRaw(packFloats({type: 'SYNC_INIT', mapName: 'lenient', lastSyncTimestamp: 0, unknown: 1}));
    assert.notEqual((await answered).payload.rootHash, 0);
    assert.deepEqual((await walk(one, 'lww', 'lenient')).map(({record}) => record), [op.record]);
    const ponged = one.waitFor((f) => f.type === 'PONG' && f.timestamp === 12, 'the PONG');
    one.sendRaw(packFloats({type: 'PING', timestamp: 12}));
    await ponged;
    one.sendRaw(packFloats({type: 'CLIENT_APPLY_ACK', cursor: 1}));
  });

  await t.test('an op that comes again, the same id, timestamp and tag, changes nothing (5.2)', async () => {
    const ops = [one.put('again', 'k', 'first'), one.orAdd('again', 'k', 'x')];
    await one.write(...ops);
    await two.write(two.put('again', 'k', 'second'));
    for (const client of [one, two]) {
      const acked = client.waitFor((f) => f.type === 'OP_ACK' && f.payload.lastId === ops[1].id, 'the ack');
      client.send({type: 'OP_BATCH', payload: {ops}});
      await acked;
    }
    assert.deepEqual((await two.query('again')).map(({value}) => value), ['second']);
    assert.deepEqual(await walk(two, 'or', 'again'), [{key: 'k', records: [ops[1].orRecord], tombstones: []}]);
  });

  await t.test('an OP_BATCH without ops is acknowledged as unknown (5.3)', async () => {
    const acked = one.waitFor((f) => f.type === 'OP_ACK', 'the ack');
    one.send({type: 'OP_BATCH', payload: {ops: []}});
    assert.equal((await acked).payload.lastId, 'unknown');
  });

  await t.test('crdt-lww: OP_ACK with a payload for CLIENT_OP (5.3)', async () => {
    const op = one.put('lww', 'single', 1);
    assert.deepEqual(await writeSingly(one, op), {lastId: op.id, achievedLevel: 'APPLIED'});
    const nameless = one.put('lww', 'single', 2);
    delete nameless.id;
    const acked = one.waitFor((f) => f.type === 'OP_ACK', 'the ack');
    one.send(clientOp(nameless));
    assert.equal((await acked).payload.lastId, 'unknown');
  });

  await t.test('crdt-lww: one ack for an OP_BATCH, with the last id (5.3)', async () => {
    const ops = ['a', 'b', 'c'].map((key) => one.put('lww', key, key));
    const before = one.frames.filter((f) => f.type === 'OP_ACK').length;
    assert.equal((await one.write(...ops)).lastId, ops[2].id);
    assert.equal(one.frames.filter((f) => f.type === 'OP_ACK').length, before + 1);
  });

  await t.test('crdt-lww: the later write wins, whoever wrote it (5.4)', async () => {
    const stamped = (client, value, millis) => {
      const op = client.put('wins', 'k', value);
      op.timestamp = op.record.timestamp = {millis, counter: 0, nodeId: client.nodeId};
      return op;
    };
    const now = Date.now() - 1000;
    await writeSingly(one, stamped(one, 'first', now));
    await writeSingly(two, stamped(two, 'second', now + 100));
    await writeSingly(one, stamped(one, 'third', now + 200));
    assert.deepEqual((await two.query('wins')).map((row) => row.value), ['third']);
  });

  await t.test('crdt-lww: two writes within one millisecond: the later arrival wins (5.4)', async () => {
    const millis = Date.now();
    for (const value of ['early', 'late']) {
      const op = one.put('collide', 'k', value);
      op.timestamp = op.record.timestamp = {millis, counter: 0, nodeId: 'raw-client'};
      await writeSingly(one, op);
    }
    assert.deepEqual((await two.query('collide')).map((row) => row.value), ['late']);
  });

  await t.test('crdt-lww: a removed key is absent from snapshots (5.4)', async () => {
    await writeSingly(one, one.put('removed', 'gone', 1));
    await writeSingly(one, one.put('removed', 'kept', 2));
    await writeSingly(one, one.remove('removed', 'gone'));
    assert.deepEqual((await two.query('removed')).map(({key, value}) => [key, value]), [['kept', 2]]);
  });

  await t.test('crdt-ormap: OR_ADD and OR_REMOVE reach a subscriber elsewhere as events (6)', async () => {
    await two.query('or-events');
    const events = [];
    two.onFrame((f) => f.type === 'SERVER_EVENT' && f.payload.mapName === 'or-events' && events.push(f.payload));
    const add = one.orAdd('or-events', 'k', 'x');
    await writeSingly(one, add);
    await writeSingly(one, one.orRemove('or-events', 'k', add.orRecord.tag));
    await until(() => events.length === 2, 'both events');
    assert.deepEqual(events.map(({eventType, key}) => [eventType, key]), [['OR_ADD', 'k'], ['OR_REMOVE', 'k']]);
    assert.deepEqual(events[0].orRecord, add.orRecord);
    assert.equal(events[1].orTag, add.orRecord.tag);
  });

  await t.test('crdt-ormap: adds of two clients are two events (6)', async () => {
    const listener = await connect(second);
    await listener.query('or-two');
    const tags = new Set();
    listener.onFrame((f) => f.type === 'SERVER_EVENT' && f.payload.mapName === 'or-two' && tags.add(f.payload.orRecord.tag));
    await Promise.all([writeSingly(one, one.orAdd('or-two', 'k', 'a')), writeSingly(two, two.orAdd('or-two', 'k', 'b'))]);
    await until(() => tags.size === 2, 'two events');
    await listener.close();
  });

  await t.test('merkle-sync: the root is 0 for an empty map and not 0 after an ack, at every gateway (7.4)', async () => {
    assert.equal((await readRoot(one, 'lww', 'merkle')).rootHash, 0);
    await writeSingly(one, one.put('merkle', 'first', true));
    for (const url of [first, second]) {
      const late = await connect(url);
      const root = await readRoot(late, 'lww', 'merkle');
      assert.notEqual(root.rootHash, 0);
      assert.ok(root.timestamp.millis > 0 && /^[a-z0-9-]+$/.test(root.timestamp.nodeId));
      await late.close();
    }
  });

  await t.test('merkle-sync: a walk yields every live record once, values intact (7.4)', async () => {
    const values = {
      'nested:path:deep': {a: {b: [1, 2, {c: null}]}},
      '12345': 12345,
      'ключ': 'значение 😀',
      'bool': false,
      'float': 1.5,
      'empty': '',
    };
    for (let i = 0; i < 12; i++) values[`item-${i}`] = {i};
    await one.write(...Object.entries(values).map(([key, value]) => one.put('walked', key, value)));
    await one.write(one.put('walked', 'temporary', 1), one.remove('walked', 'temporary'));
    const records = await walk(two, 'lww', 'walked');
    const live = records.filter(({record}) => record.value !== null);
    assert.equal(live.length, Object.keys(values).length);
    assert.deepEqual(Object.fromEntries(live.map(({key, record}) => [key, record.value])), values);
    const tombstones = records.filter(({record}) => record.value === null);
    assert.deepEqual(tombstones.map(({key}) => key), ['temporary']);
    assert.ok(records.every(({record}) => !('ttlMs' in record)));
  });

  await t.test('merkle-sync: paths nobody holds are answered (7.5)', async () => {
    for (const path of ['', '0', 'ab', 'fff', 'zz', 'too-long']) {
      const {type, payload} = await readBucket(one, 'lww', 'nobody-wrote-this', path);
      assert.equal(type, path.length < 3 ? 'SYNC_RESP_BUCKETS' : 'SYNC_RESP_LEAF');
      assert.deepEqual(payload.buckets ?? payload.records, path.length < 3 ? {} : []);
    }
  });

  await t.test('merkle-sync: OR maps likewise, with tombstones under their key (7.6)', async () => {
    const [kept, dropped] = [one.orAdd('or-walked', 'k', 'kept'), one.orAdd('or-walked', 'k', 'dropped')];
    const alone = one.orAdd('or-walked', 'only-removed', 'x');
    await one.write(kept, dropped, alone);
    await one.write(one.orRemove('or-walked', 'k', dropped.orRecord.tag), one.orRemove('or-walked', 'only-removed', alone.orRecord.tag));
    assert.notEqual((await readRoot(two, 'or', 'or-walked')).rootHash, 0);
    assert.deepEqual(await walk(two, 'or', 'or-walked'),
                     [{key: 'k', records: [kept.orRecord], tombstones: [dropped.orRecord.tag]}]);
    const answered = two.waitFor((f) => f.type === 'ORMAP_DIFF_RESPONSE', 'ORMAP_DIFF_RESPONSE');
    two.send({type: 'ORMAP_DIFF_REQUEST', payload: {mapName: 'or-walked', keys: ['only-removed', 'unknown', 'k']}});
    assert.deepEqual((await answered).payload.entries, [
      {key: 'only-removed', records: [], tombstones: [alone.orRecord.tag]},
      {key: 'unknown', records: [], tombstones: []},
      {key: 'k', records: [kept.orRecord], tombstones: [dropped.orRecord.tag]},
    ]);
  });

  await t.test('decode-dos: broken frames are dropped, before and after AUTH (1.4)', async () => {
    const deep = Buffer.concat([Buffer.alloc(600, 0x91), Buffer.from([0xc0])]);
    const broken = [Buffer.from([0xc1]), Buffer.from([0xff, 0xff]), Buffer.from([0xde, 0x00]), deep, pack({type: 'NO_SUCH_TYPE'}), pack([1])];
    const socket = await rawSocket(first);
    for (const bytes of broken) socket.sendRaw(bytes);
    socket.send({type: 'AUTH', token: cluster.token});
    await socket.has('AUTH_ACK');
    for (const bytes of broken) socket.sendRaw(bytes);
    socket.send({type: 'PING', timestamp: 7});
    assert.equal((await socket.has('PONG')).timestamp, 7);
    assert.deepEqual(socket.frames.map((f) => f.type), ['AUTH_REQUIRED', 'AUTH_ACK', 'PONG']);
    socket.close();
  });

  await t.test('decode-dos: items of a BATCH are checked and paid for one by one (1.4, 1.5)', async () => {
    const item = (bytes) => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(bytes.length);
      return Buffer.concat([head, bytes]);
    };
    const ops = Array.from({length: 5}, (_, i) => one.put('batched', `k${i}`, i));
    let value = 'x';
    for (let i = 0; i < 500; i++) value = [value];
    const tooDeep = one.put('batched', 'deep', value);
    const data = Buffer.concat([...ops.slice(0, 2), tooDeep, ...ops.slice(2)].map((op) => item(pack(clientOp(op)))));
    const acked = Promise.all(ops.map((op) => one.waitFor((f) => f.type === 'OP_ACK' && f.payload.lastId === op.id, `the ack of ${op.id}`)));
    one.send({type: 'BATCH', count: 1, data});
    await acked;
    assert.deepEqual((await two.query('batched')).map(({key}) => key), ['k0', 'k1', 'k2', 'k3', 'k4']);

    const flooding = await connect();
    const limited = flooding.waitFor((f) => f.type === 'ERROR' && f.payload.code === 429, 'ERROR 429');
    for (let i = 0; i < 2; i++) flooding.send({type: 'BATCH', count: 1, data: Buffer.alloc(4 * 40_001)});
    await limited;
    await flooding.close();
  });

  await t.test('reconnect: a write made while the server was away arrives and is Merkle-visible (2.8)', async () => {
    const client = await connect(first);
    const name = (await cluster.processes('gateway')).find(({ports}) => first.includes(`:${ports.ws}/`)).name;
    const op = client.put('offline', 'k', 'written offline');
    await cluster.signal(name);
    await client.closed;
    const again = await until(() => connect(first).catch(() => null), 'the gateway to be back');
    again.nextId = client.nextId;
    await again.write(op);
    assert.notEqual((await readRoot(again, 'lww', 'offline')).rootHash, 0);
    assert.deepEqual((await walk(again, 'lww', 'offline')).map(({key, record}) => [key, record.value]), [['k', 'written offline']]);
    await again.close();
  });
});
