// HTTP on the client port (core.md 9): POST /sync for clients without WebSocket, the status endpoints, login, pages of other origins. Two gateways and
// two sync replicas; Node's fetch and msgpackr, nothing of ours.
import assert from 'node:assert/strict';
import {randomUUID} from 'node:crypto';
import test from 'node:test';

import {Client, pack, unpack, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const password = 'correct horse';
const page = 'https://app.example';

// A client that only ever polls: it remembers where each of its maps stands.
class Poller {
  constructor(url, {token} = {}) {
    this.url = url;
    this.token = token;
    this.nodeId = `http-${randomUUID().slice(0, 8)}`;
    this.lastId = 0;
    this.counter = 0;
    this.maps = {};  // name -> {key: record}
    this.since = {};
  }

  tick() {
    return {millis: Date.now(), counter: this.counter++, nodeId: this.nodeId};
  }

  async post(fields = {}) {
    const headers = {'content-type': 'application/x-msgpack'};
    if (this.token !== undefined) headers.authorization = `Bearer ${this.token}`;
    const body = pack({clientId: this.nodeId, clientHlc: this.tick(), ...fields});
    const response = await fetch(`${this.url}/sync`, {method: 'POST', headers, body});
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'application/msgpack');
    return unpack(Buffer.from(await response.arrayBuffer()));
  }

  put(mapName, key, value) {
    const timestamp = this.tick();
    return {mapName, key, opType: 'PUT', record: {value, timestamp}, timestamp, synced: false, id: String(++this.lastId)};
  }

  remove(mapName, key) {
    const timestamp = this.tick();
    return {mapName, key, opType: 'REMOVE', record: {value: null, timestamp}, timestamp, synced: false, id: String(++this.lastId)};
  }

  async write(...operations) {
    const answer = await this.post({operations});
    assert.deepEqual(answer.errors, undefined);
    assert.equal(answer.ack.lastId, operations.at(-1).id);
  }

  // One exchange; true when the map has nothing more to say for now.
  async poll(mapName) {
    const lastSyncTimestamp = this.since[mapName] ?? {millis: 0, counter: 0, nodeId: ''};
    const {deltas, errors} = await this.post({syncMaps: [{mapName, lastSyncTimestamp}]});
    assert.deepEqual(errors, undefined);
    const map = this.maps[mapName] ??= {};
    for (const {key, record, eventType} of deltas[0].records) {
      assert.equal(eventType, record.value === null ? 'REMOVE' : 'PUT');
      map[key] = record.value;
    }
    this.since[mapName] = deltas[0].serverSyncTimestamp;
    return deltas[0];
  }

  async query(fields) {
    const {queryResults, errors} = await this.post({queries: [{queryId: 'q', ...fields}]});
    return {...queryResults?.[0], errors};
  }
}

test('HTTP on the client port', async (t) => {
  const cluster = await Cluster.start(t, {
    env: {TOPGUN_ADMIN_PASSWORD: password, TOPGUN_CORS_ORIGINS: `${page},https://other.example`},
  });
  const sockets = await cluster.urls();
  const [first, second] = sockets.map((url) => url.replace('ws:', 'http:').replace(/\/ws$/, ''));
  const get = (path, options) => fetch(first + path, options);

  await t.test('http-sync: an empty request, without any token, is answered 200 (9.1)', async () => {
    const answer = await new Poller(first).post();
    assert.ok(answer.serverHlc.millis > 0);
    assert.deepEqual(Object.keys(answer), ['serverHlc']);
    const empty = await fetch(`${first}/sync`, {method: 'POST'});
    assert.equal(empty.status, 200);
    assert.ok(unpack(Buffer.from(await empty.arrayBuffer())).serverHlc.millis > 0);
  });

  await t.test('http-sync: garbage and too deep bodies are answered 400 (9.1)', async () => {
    let deep = 1;
    for (let i = 0; i < 500; ++i) deep = [deep];
    for (const body of [Buffer.from([0xff, 0xff]), pack({clientId: 'c', clientHlc: {millis: 1, counter: 0, nodeId: 'c'}, x: deep})]) {
      const response = await fetch(`${first}/sync`, {method: 'POST', headers: {'content-type': 'application/msgpack'}, body});
      assert.equal(response.status, 400);
      const error = await response.json();
      assert.equal(error.code, 400);
      assert.match(error.message, /^invalid MsgPack body: /);
    }
    await new Poller(first).post();
  });

  await t.test('http-sync: a write is acknowledged and visible in a WebSocket query (9.1)', async () => {
    const poller = new Poller(first);
    const operations = [poller.put('todos', 'a', {title: 'one'}), poller.put('todos', 'b', {title: 'two'})];
    const answer = await poller.post({operations});
    assert.deepEqual(answer.ack, {lastId: operations[1].id});
    const client = await new Client(sockets[1], {token: cluster.token}).connect();
    const response = client.waitFor((f) => f.type === 'QUERY_RESP', 'the snapshot');
    client.send({type: 'QUERY_SUB', payload: {queryId: 'q', mapName: 'todos', query: {}}});
    const rows = (await response).payload.results.map(({key, value}) => [key, value]);
    assert.deepEqual(rows, [['a', {title: 'one'}], ['b', {title: 'two'}]]);
    // Who subscribes hears of it at once.
    const event = client.waitFor((f) => f.type === 'SERVER_EVENT', 'the event');
    await poller.write(poller.put('todos', 'c', {title: 'three'}));
    assert.equal((await event).payload.key, 'c');
    await client.close();
  });

  await t.test('two clients without WebSocket see each other through different gateways', async () => {
    const one = new Poller(first);
    const two = new Poller(second);
    await one.write(one.put('shared', 'k1', 1), one.put('shared', 'k2', {deep: [1, 'x', null]}));
    await two.poll('shared');
    assert.deepEqual(two.maps.shared, {k1: 1, k2: {deep: [1, 'x', null]}});
    await two.write(two.remove('shared', 'k1'), two.put('shared', 'k3', 'three'));
    await one.poll('shared');
    assert.deepEqual(one.maps.shared, {k1: null, k2: {deep: [1, 'x', null]}, k3: 'three'});
    // A timestamp of the future hides nothing.
    one.since.shared = {millis: Date.now() + 60_000, counter: 0, nodeId: 'x'};
    await one.write(one.put('shared', 'k4', 4));
    assert.ok((await one.poll('shared')).records.some(({key}) => key === 'k4'));
  });

  await t.test('everything that is written during polling arrives', async () => {
    const writer = await new Client(sockets[0], {token: cluster.token}).connect();
    const reader = new Poller(second);
    const rounds = 40;
    for (let i = 0; i < rounds; ++i) {
      const [ack] = await Promise.all([
        writer.waitFor((f) => f.type === 'OP_ACK', 'an ack'),
        reader.poll('stream'),
        writer.send({
          type: 'OP_BATCH',
          payload: {ops: [{
            id: String(i + 1),
            mapName: 'stream',
            key: `k${i}`,
            opType: 'PUT',
            record: {value: i, timestamp: {millis: Date.now(), counter: i, nodeId: writer.nodeId}},
          }]},
        }),
      ]);
      assert.equal(ack.payload.lastId, String(i + 1));
    }
    await reader.poll('stream');
    assert.equal(Object.keys(reader.maps.stream).length, rounds);
    await writer.close();
  });

  await t.test('queries: filter, limit, offset and cursor; OR maps are left out', async () => {
    const poller = new Poller(first);
    const rows = Array.from({length: 25}, (_, i) => poller.put('books', `b${String(i).padStart(2, '0')}`, {
      n: i,
      even: i % 2 === 0,
      author: {name: i < 5 ? 'A' : 'B'},
    }));
    await poller.write(...rows);
    const all = await poller.query({mapName: 'books'});
    assert.deepEqual(all.results.map(({n}) => n), Array.from({length: 25}, (_, i) => i));
    assert.equal(all.hasMore, undefined);
    const nil = await poller.query({mapName: 'books', filter: null});
    assert.equal(nil.results.length, 25);
    const few = await poller.query({mapName: 'books', filter: {even: true, 'author.name': 'A'}});
    assert.deepEqual(few.results.map(({n}) => n), [0, 2, 4]);
    const some = await poller.query({mapName: 'books', filter: {even: true}, limit: 3, offset: 2});
    assert.deepEqual(some.results.map(({n}) => n), [4, 6, 8]);
    assert.equal(some.hasMore, true);
    // The next pages may come from the other gateway.
    const seen = [];
    let cursor = some.nextCursor;
    const elsewhere = new Poller(second);
    while (cursor) {
      const next = await elsewhere.query({mapName: 'books', filter: {even: true}, limit: 3, cursor});
      seen.push(...next.results.map(({n}) => n));
      cursor = next.nextCursor;
      assert.equal(next.hasMore, cursor !== undefined);
    }
    assert.deepEqual(seen, [10, 12, 14, 16, 18, 20, 22, 24]);
    const stolen = await poller.query({mapName: 'books', filter: {even: false}, limit: 3, cursor: some.nextCursor});
    assert.deepEqual(stolen.errors, [{code: 400, message: 'invalid or expired cursor', context: 'q'}]);
    const timestamp = poller.tick();
    await poller.write({
      id: String(++poller.lastId),
      mapName: 'tags',
      key: 'k',
      opType: 'OR_ADD',
      orRecord: {value: 'red', timestamp, tag: `${timestamp.millis}:0:${poller.nodeId}`},
    });
    assert.deepEqual((await poller.query({mapName: 'tags'})).results, []);
  });

  await t.test('what cannot be done is an error beside what can', async () => {
    const poller = new Poller(first);
    const good = poller.put('mixed', 'good', 1);
    const bad = poller.put('_topgun_policies', 'bad', 1);
    const {ack, errors} = await poller.post({operations: [good, bad]});
    assert.equal(ack, undefined);
    assert.equal(errors.length, 1);
    assert.equal(errors[0].context, bad.id);
    assert.deepEqual((await poller.query({mapName: 'mixed'})).results, [1]);
    const denied = await poller.query({mapName: '_topgun_policies'});
    assert.deepEqual(denied.errors, [{code: 403, message: 'access denied', context: 'q'}]);
  });

  await t.test('a valid and an invalid token are both served', async () => {
    for (const token of [cluster.token, 'garbage', '']) {
      const poller = new Poller(second, {token});
      await poller.write(poller.put('tokens', `t${token.length}`, 1));
    }
    assert.equal((await new Poller(first).query({mapName: 'tokens'})).results.length, 3);
  });

  await t.test('the status endpoints (9.2)', async () => {
    await until(async () => (await get('/health/ready')).status === 200, 'readiness');
    const health = await (await get('/health')).json();
    assert.equal(health.state, 'ready');
    assert.ok(Number.isInteger(health.connections) && Number.isInteger(health.in_flight) && health.uptime_secs >= 0);
    for (const path of ['/health/live', '/health/ready', '/healthz']) {
      const response = await get(path);
      assert.equal(response.status, 200);
      assert.equal(await response.text(), '');
    }
    const metrics = await get('/metrics');
    assert.equal(metrics.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(await metrics.text(), /gateway_http_requests_total\{code="200",route="\/sync"\} [1-9]/);
    const status = await (await get('/api/status')).json();
    assert.deepEqual(Object.keys(status), ['configured', 'version', 'mode', 'connections', 'uptimeSeconds', 'totalOperations']);
    assert.ok(status.totalOperations > 0);
    assert.deepEqual(await (await get('/api/auth/status')).json(), {authRequired: true});
    const head = await get('/health', {method: 'HEAD'});
    assert.equal(head.status, 200);
  });

  await t.test('the description lists what is there (9.2)', async () => {
    const {openapi, paths} = await (await get('/api/openapi.json')).json();
    assert.match(openapi, /^3\./);
    for (const path of ['/sync', '/health', '/metrics', '/api/status', '/api/auth/login', '/api/openapi.json']) {
      assert.ok(paths[path], path);
    }
  });

  await t.test('login gives a token for 24 hours (9.2)', async () => {
    const login = (body, url = first) => fetch(`${url}/api/auth/login`, {method: 'POST', body: JSON.stringify(body)});
    const response = await login({username: 'admin', password});
    assert.equal(response.status, 200);
    const {token} = await response.json();
    const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
    assert.deepEqual(claims.roles, ['admin']);
    assert.equal(claims.exp - claims.iat, 24 * 60 * 60);
    // Every gateway takes it.
    await (await new Client(sockets[1], {token}).connect()).close();
    for (const body of [{username: 'admin', password: 'wrong'}, {username: 'root', password}]) {
      const refused = await login(body);
      assert.equal(refused.status, 401);
      assert.deepEqual(await refused.json(), {code: 401, message: 'invalid credentials'});
    }
    const incomplete = await login({username: 'admin'});
    assert.equal(incomplete.status, 400);
    assert.equal((await incomplete.json()).field, 'password');
    for (const path of ['/api/auth/token', '/api/auth/refresh']) {
      assert.equal((await get(path, {method: 'POST', body: '{}'})).status, 404);
    }
    let limited = false;
    for (let i = 0; i < 100 && !limited; ++i) limited = (await login({username: 'admin', password: 'guess'})).status === 429;
    assert.ok(limited, 'guessing is limited');
  });

  await t.test('pages of listed origins may read answers', async () => {
    const preflight = await get('/sync', {
      method: 'OPTIONS',
      headers: {origin: page, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type'},
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers.get('access-control-allow-origin'), page);
    assert.equal(preflight.headers.get('access-control-allow-credentials'), 'true');
    assert.equal(preflight.headers.get('access-control-allow-headers'), 'authorization,content-type');
    const good = await get('/health', {headers: {origin: page}});
    assert.equal(good.headers.get('access-control-allow-origin'), page);
    const foreign = await get('/health', {headers: {origin: 'https://evil.example'}});
    assert.equal(foreign.headers.get('access-control-allow-origin'), null);
  });

  await t.test('errors are JSON, and every answer has a request id (9.2)', async () => {
    const missing = await get('/nowhere', {headers: {'x-request-id': 'mine-1'}});
    assert.equal(missing.status, 404);
    assert.deepEqual(await missing.json(), {code: 404, message: 'not found'});
    assert.equal(missing.headers.get('x-request-id'), 'mine-1');
    const wrong = await get('/sync');
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get('allow'), 'POST, OPTIONS');
    const ids = await Promise.all([get('/health'), get('/health'), get('/ws')].map(async (each) => (await each).headers.get('x-request-id')));
    assert.equal(new Set(ids).size, 3);
    const large = await get('/sync', {method: 'POST', body: Buffer.alloc((16 << 20) + 1)});
    assert.equal(large.status, 413);
    assert.match((await large.json()).message, /^body exceeds maximum of 16777216 bytes$/);
  });

  await t.test('exchanges go on while a sync replica and a gateway die', async () => {
    const poller = new Poller(first);
    await cluster.signal('sync-0');
    await poller.write(poller.put('deaths', 'a', 1));
    await cluster.signal('gateway-1');
    await poller.write(poller.put('deaths', 'b', 2));
    const other = new Poller(second);
    await until(() => other.poll('deaths').then(() => true, () => false), 'the gateway to be back');
    assert.deepEqual(other.maps.deaths, {a: 1, b: 2});
  });
});
