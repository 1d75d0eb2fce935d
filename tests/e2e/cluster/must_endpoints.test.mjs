// The MUSTs of core.md 13 that concern HTTP and policies, each named after the test file that pins it: http-sync (9.1), rbac (10), mcp-server (9.2).
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, pack, unpack} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const httpOf = (url) => url.replace('ws://', 'http://').replace(/\/ws$/, '');

// POST /sync as the pinned tests send it: no Authorization header although the cluster asks WebSocket clients for a token.
async function postSync(url, body) {
  const response = await fetch(`${httpOf(url)}/sync`, {method: 'POST', headers: {'content-type': 'application/msgpack'}, body});
  return {status: response.status, type: response.headers.get('content-type'), bytes: Buffer.from(await response.arrayBuffer())};
}

test('http-sync', async (t) => {
  const cluster = await Cluster.start(t, {storage: 1});
  const [first, second] = await cluster.urls();
  const writer = new Client(first, {nodeId: 'poller'});  // never connects: it only makes operations
  const request = (fields = {}) => pack({clientId: 'poller', clientHlc: writer.tick(), ...fields});

  await t.test('an empty request: 200, application/msgpack, a positive serverHlc (9.1)', async () => {
    const {status, type, bytes} = await postSync(first, request());
    assert.deepEqual([status, type], [200, 'application/msgpack']);
    const answer = unpack(bytes);
    assert.ok(answer.serverHlc.millis > 0);
    assert.equal(answer.ack, undefined);
  });

  await t.test('a write is acknowledged with the id of its last operation, and visible to WebSocket queries (9.1)', async () => {
    const operations = [writer.put('http', 'a', 1), writer.put('http', 'b', {nested: [true, null]})];
    const {status, bytes} = await postSync(first, request({operations}));
    assert.equal(status, 200);
    assert.equal(unpack(bytes).ack.lastId, operations[1].id);
    const reader = await new Client(second, {token: cluster.token}).connect();
    const rows = await reader.query('http');
    assert.deepEqual(Object.fromEntries(rows.map(({key, value}) => [key, value])), {a: 1, b: {nested: [true, null]}});
    await reader.close();
  });

  await t.test('bodies that are no message get 400, and the next request works (9.1, 1.4)', async () => {
    const deep = Buffer.concat([Buffer.alloc(600, 0x91), Buffer.from([0xc0])]);
    for (const body of [Buffer.from([0xff, 0xff]), deep, Buffer.from([0xc1])]) assert.equal((await postSync(first, body)).status, 400);
    assert.equal((await postSync(first, request())).status, 200);
  });
});

test('rbac and mcp-server', async (t) => {
  const cluster = await Cluster.start(t, {storage: 1, env: {TOPGUN_ADMIN_SUBJECTS: 'root'}});
  const [first, second] = await cluster.urls();
  const token = async (...args) => (await cluster.topgun('token', ...args)).trim();
  const adminToken = await token('--sub', 'operator', '--roles', 'admin');
  const call = async (method, path, body) => {
    const response = await fetch(`${httpOf(first)}/api/admin${path}`, {
      method, headers: {'authorization': `Bearer ${adminToken}`, 'content-type': 'application/json'}, body: body && JSON.stringify(body),
    });
    const text = await response.text();
    return {status: response.status, body: text ? JSON.parse(text) : undefined};
  };
  const connect = async (url, ...args) => new Client(url, {token: await token('--sub', ...args)}).connect();
  const alice = await connect(first, 'alice');
  const bob = await connect(second, 'bob', '--roles', 'admin');
  const root = await connect(second, 'root');

  // The first of ERROR and OP_ACK that follows: the pinned tests look at nothing else. A refused op is named by a later ack (5.3), which belongs to
  // this write too.
  const verdict = async (client, op) => {
    let first;
    const named = client.waitFor(({type, payload}) => {
      if (type !== 'ERROR' && type !== 'OP_ACK') return false;
      first ??= {type, payload};
      return type === 'OP_ACK' && (payload.lastId === op.id || payload.results?.some(({opId}) => opId === op.id));
    }, `the ack of ${op.mapName}`);
    client.send({type: 'OP_BATCH', payload: {ops: [op]}});
    await named;
    if (first.type === 'ERROR') assert.equal(first.payload.message, `write access denied for map: ${op.mapName}`);
    return first.type;
  };
  // A policy holds within 50 ms, at every gateway; here for as long as a loaded machine needs.
  const until = async (client, makeOp, wanted) => {
    for (const deadline = Date.now() + 30_000; await verdict(client, makeOp()) !== wanted;) {
      assert.ok(Date.now() < deadline, `gave up waiting for ${wanted}`);
    }
  };
  const policy = async (fields) => {
    const {status, body} = await call('POST', '/policies', fields);
    assert.ok(status >= 200 && status < 300, JSON.stringify(body));
    return body;
  };

  await t.test('mcp-server: maps are listed, indexes are created with 201 (9.2)', async () => {
    await alice.write(alice.put('articles', 'a', {title: 'x'}), alice.put('articles', 'b', {title: 'y'}));
    const {status, body} = await call('GET', '/maps');
    assert.equal(status, 200);
    assert.deepEqual(body.maps.find(({name}) => name === 'articles'), {name: 'articles', entryCount: 2});
    assert.equal((await call('POST', '/indexes', {mapName: 'articles', attribute: 'title', indexType: 'hash'})).status, 201);
  });

  await t.test('rbac: without any policy everything is allowed (10.2)', async () => {
    for (const client of [alice, bob, root]) assert.equal(await verdict(client, client.put('free', 'k', 1)), 'OP_ACK');
  });

  await t.test('rbac: from the first policy on the rest is denied, ERROR before any OP_ACK (10.2, 5.3)', async () => {
    await policy({mapPattern: 'shared', action: 'all', effect: 'allow'});
    await until(alice, () => alice.put('free', 'k', 2), 'ERROR');
    await until(bob, () => bob.put('free', 'k', 2), 'ERROR');  // the role admin is no way around policies
    for (const client of [alice, bob]) assert.equal(await verdict(client, client.put('shared', 'k', 1)), 'OP_ACK');
  });

  await t.test('rbac: subjects of TOPGUN_ADMIN_SUBJECTS pass all policies (10.3)', async () => {
    assert.equal(await verdict(root, root.put('free', 'k', 3)), 'OP_ACK');
  });

  await t.test('rbac: auth.id == data.ownerId lets the owner write and nobody else (10)', async () => {
    await policy({mapPattern: 'owned', action: 'write', effect: 'allow', conditionExpr: 'auth.id == data.ownerId'});
    await until(alice, () => alice.put('owned', 'k', {ownerId: 'alice'}), 'OP_ACK');
    assert.equal(await verdict(alice, alice.put('owned', 'k', {ownerId: 'bob'})), 'ERROR');
    await until(bob, () => bob.put('owned', 'mine', {ownerId: 'bob'}), 'OP_ACK');
    assert.equal(await verdict(bob, bob.put('owned', 'k', {ownerId: 'alice'})), 'ERROR');
  });
});
