// The administration of a cluster over HTTP (core.md 9.2, 10): two gateways, two sync replicas, Node's fetch, clients that watch what happens.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

// One administrator at one gateway; answers are {status, body}.
class Admin {
  constructor(wsUrl, token) {
    this.base = wsUrl.replace('ws://', 'http://').replace(/\/ws$/, '');
    this.token = token;
  }

  async send(method, path, body, {authorization = `Bearer ${this.token}`, type = 'application/json'} = {}) {
    const headers = {};
    if (authorization) headers.authorization = authorization;
    if (body !== undefined) headers['content-type'] = type;
    const response = await fetch(`${this.base}/api/admin${path}`,
                                 {method, headers, body: body === undefined ? undefined : JSON.stringify(body)});
    const text = await response.text();
    return {status: response.status, body: text ? JSON.parse(text) : undefined};
  }

  async get(path) {
    const {status, body} = await this.send('GET', path);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  }
}

// A write of this client's, but as old as that.
function older(client, mapName, key, value, byMs) {
  const op = client.put(mapName, key, value);
  const timestamp = {...op.timestamp, millis: op.timestamp.millis - byMs};
  return {...op, timestamp, record: {...op.record, timestamp}};
}

test('a cluster is administered through any of its gateways', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const token = (await cluster.topgun('token', '--sub', 'boss', '--roles', 'admin')).trim();
  const admin = new Admin(first, token);
  const other = new Admin(second, token);
  const client = await new Client(first, {token: cluster.token}).connect();
  const observer = await new Client(second, {token: cluster.token}).connect();

  await t.test('only a token with the role admin opens it', async () => {
    for (const [authorization, status, message] of [
           [undefined, 401, 'missing or invalid Bearer token'],
           ['Basic Ym9zczpib3Nz', 401, 'missing or invalid Bearer token'],
           ['Bearer nonsense', 401, 'invalid or expired token'],
           [`Bearer ${cluster.token}`, 403, 'admin role required'],
         ]) {
      const answer = await admin.send('GET', '/maps', undefined, {authorization: authorization ?? null});
      assert.equal(answer.status, status);
      assert.deepEqual(answer.body, {code: status, message});
    }
  });

  await t.test('maps are listed with what is live in them', async () => {
    await client.write(client.put('articles', 'a', {title: 'one'}), client.put('articles', 'b', {title: 'two'}),
                       client.put('articles', 'c', {title: 'three'}), client.orAdd('tags', 'k', 'x'), client.orAdd('tags', 'k', 'y'));
    await client.write(client.remove('articles', 'c'));
    for (const each of [admin, other]) {
      const {maps} = await each.get('/maps');
      assert.deepEqual(maps, [{name: 'articles', entryCount: 2}, {name: 'tags', entryCount: 1}]);
    }
  });

  await t.test('settings change for all gateways', async () => {
    const before = await admin.get('/settings');
    assert.equal(before.partitionCount, 271);
    assert.equal(before.requireAuth, true);
    assert.equal(before.port, Number(new URL(admin.base).port));
    const changed = await admin.send('PUT', '/settings', {logLevel: 'debug', maxConcurrentOperations: 2000});
    assert.equal(changed.status, 200);
    assert.equal(changed.body.logLevel, 'debug');
    await until(async () => (await other.get('/settings')).logLevel === 'debug', 'the other gateway to follow');
    assert.equal((await other.get('/settings')).maxConcurrentOperations, 2000);
    const refused = await admin.send('PUT', '/settings', {port: 1});
    assert.deepEqual(refused, {status: 400, body: {code: 400, message: 'read-only', field: 'port'}});
    await other.send('PUT', '/settings', {logLevel: null, maxConcurrentOperations: null});
    await until(async () => (await admin.get('/settings')).logLevel === before.logLevel, 'the change to be taken back');
  });

  await t.test('indexes are defined once per attribute', async () => {
    const index = {mapName: 'articles', attribute: 'title', indexType: 'inverted'};
    assert.deepEqual(await admin.send('POST', '/indexes', index), {status: 201, body: {...index, entryCount: 0}});
    assert.equal((await other.send('POST', '/indexes', index)).status, 409);
    assert.equal((await admin.send('POST', '/indexes', {...index, indexType: 'vector'})).body.field, 'indexType');
    assert.deepEqual(await other.get('/indexes'), {indexes: [{...index, entryCount: 2}]});
    assert.deepEqual(await other.get('/indexes/articles/title/status'),
                     {mapName: 'articles', attribute: 'title', total: 2, processed: 2, done: true, rebuildType: 'backfill'});
    assert.equal((await other.send('DELETE', '/indexes/articles/title')).status, 204);
    assert.equal((await admin.send('DELETE', '/indexes/articles/title')).status, 404);
    assert.equal((await admin.send('GET', '/indexes/articles/title/status')).status, 404);
  });

  await t.test('the cluster is described', async () => {
    const {nodes, partitions, totalPartitions, isRebalancing} = await admin.get('/cluster/status');
    assert.equal(totalPartitions, 271);
    assert.equal(isRebalancing, false);
    assert.deepEqual(partitions.map(({id}) => id), Array.from({length: 271}, (_, id) => id));
    const ids = new Set(nodes.map(({nodeId}) => nodeId));
    assert.ok(partitions.every(({ownerNodeId}) => ids.has(ownerNodeId)));
    assert.ok(nodes.every(({status}) => status === 'healthy'));
    assert.equal(nodes.reduce((sum, {partitionCount}) => sum + partitionCount, 0), 271);
    assert.ok(nodes.some(({connections, memory}) => connections >= 1 && memory > 0));
  });

  await t.test('writes that lost are listed and can be brought back', async () => {
    const keys = Array.from({length: 20}, (_, i) => `note${i}`);
    const ops = (make) => keys.map((key) => make(key));
    await client.write(...ops((key) => client.put('notes', key, {text: `new ${key}`})));
    const lost = ops((key) => older(observer, 'notes', key, {text: `old ${key}`}, 10_000));
    await observer.write(...lost);
    const rows = await observer.query('notes');
    assert.ok(rows.every(({key, value}) => value.text === `new ${key}`));

    for (const each of [admin, other]) {
      const {conflicts, truncated, replicas} = await each.get('/conflicts/notes');
      assert.deepEqual(replicas, {asked: 2, answered: 2});
      assert.equal(truncated, false);
      assert.deepEqual(conflicts.map(({key}) => key).sort(), [...keys].sort());
    }
    const some = await admin.get('/conflicts/notes?limit=5');
    assert.equal(some.conflicts.length, 5);
    assert.equal(some.truncated, true);

    const {conflicts} = await admin.get('/conflicts/notes');
    const conflict = conflicts.find(({key}) => key === 'note7');
    assert.deepEqual(conflict.value, {text: 'old note7'});
    assert.deepEqual(conflict.timestamp, lost[7].timestamp);
    assert.equal(conflict.winner.nodeId, client.nodeId);

    const told = [client, observer].map((each) => each.waitFor(
        ({type, payload}) => type === 'SERVER_EVENT' && payload.mapName === 'notes' && payload.key === 'note7',
        'the restored record').catch((error) => error));
    await client.query('notes');
    const {millis, counter, nodeId} = conflict.timestamp;
    const restored = await other.send('POST', '/conflicts/notes/restore', {key: 'note7', millis, counter, nodeId});
    assert.equal(restored.status, 200, JSON.stringify(restored.body));
    for (const event of await Promise.all(told)) {
      assert.deepEqual(event.payload?.record?.value, {text: 'old note7'});
      assert.deepEqual(event.payload.record.timestamp, restored.body.timestamp);
    }
    const after = new Map((await observer.query('notes', 'after')).map(({key, value}) => [key, value.text]));
    assert.equal(after.get('note7'), 'old note7');
    assert.equal(after.get('note8'), 'new note8');

    const unknown = await admin.send('POST', '/conflicts/notes/restore', {key: 'note7', millis: 1, counter, nodeId});
    assert.equal(unknown.status, 404);
    const stale = await Promise.all((await cluster.processes('sync')).map(
        ({name}) => cluster.metric(name, /^sync_merge_lost_writes_total/)));
    assert.equal(stale.reduce((sum, count) => sum + count), keys.length);
  });

  await t.test('policies are created, listed and deleted', async () => {
    const policy = {id: 'readers', mapPattern: 'articles', action: 'read', effect: 'allow'};
    assert.deepEqual(await admin.send('POST', '/policies', policy), {status: 201, body: policy});
    const unnamed = await other.send('POST', '/policies', {
      mapPattern: 'notes',
      action: 'all',
      effect: 'allow',
      conditionExpr: "auth.id == 'e2e'",
    });
    assert.equal(unnamed.status, 201);
    assert.ok(unnamed.body.id);
    const wrong = await admin.send('POST', '/policies', {...policy, conditionExpr: 'auth.id =='});
    assert.equal(wrong.status, 400);
    assert.equal(wrong.body.field, 'conditionExpr');
    for (const each of [admin, other]) {
      const {policies} = await each.get('/policies');
      assert.deepEqual(policies.map(({id}) => id).sort(), [unnamed.body.id, 'readers'].sort());
    }
    const denied = client.waitFor(({type}) => type === 'ERROR', 'the denial');
    await until(async () => {
      client.send({type: 'OP_BATCH', payload: {ops: [client.put('articles', 'd', 1)]}});
      return Promise.race([denied, new Promise((resolve) => setTimeout(resolve, 200))]);
    }, 'the policy to take effect');
    assert.equal((await other.send('DELETE', '/policies/readers')).status, 204);
    assert.equal((await other.send('DELETE', '/policies/readers')).status, 204);
    assert.deepEqual((await admin.get('/policies')).policies.map(({id}) => id), [unnamed.body.id]);
  });

  await t.test('too many requests of one address are refused', async () => {
    const statuses = new Set();
    await until(async () => {
      const answers = await Promise.all(
          Array.from({length: 100}, () => admin.send('GET', '/settings', undefined, {authorization: null})));
      answers.forEach(({status}) => statuses.add(status));
      return statuses.has(429);
    }, 'a refusal');
    assert.deepEqual([...statuses].sort(), [401, 429]);
  });

  await client.close();
  await observer.close();
});

test('without authentication the administration is for this machine only', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1, env: {TOPGUN_NO_AUTH: 'true'}});
  const [url] = await cluster.urls();
  const {status} = await new Admin(url).send('GET', '/settings', undefined, {authorization: null});
  assert.equal(status, 200);
});

test('without authentication a public gateway has no administration', async (t) => {
  const cluster = await Cluster.start(t, {
    gateways: 1,
    sync: 1,
    storage: 1,
    env: {TOPGUN_NO_AUTH: 'true', TOPGUN_BIND_ADDR: '0.0.0.0'},
  });
  const [url] = await cluster.urls();
  const {status} = await new Admin(url).send('GET', '/settings', undefined, {authorization: null});
  assert.equal(status, 404);
});
