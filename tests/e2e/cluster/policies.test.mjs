// Map policies: created through one gateway, effective at the other, for clients that are connected already (core.md 10).
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, pack, unpack, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {TopGunClient} from '../support/topgun_client.mjs';

const isError = (map, access) => ({type, payload}) =>
    type === 'ERROR' && payload.code === 403 && payload.message === `${access} access denied for map: ${map}`;

class Admin {
  constructor(url, token) {
    this.base = url.replace(/^ws/, 'http').replace(/\/ws$/, '');
    this.headers = {authorization: `Bearer ${token}`, 'content-type': 'application/json'};
  }

  async call(method, path, body) {
    const response = await fetch(this.base + path, {method, headers: this.headers, body: body && JSON.stringify(body)});
    const text = await response.text();
    return {status: response.status, body: text ? JSON.parse(text) : undefined};
  }

  async allow(mapPattern, action, rest = {}) {
    const {status, body} = await this.call('POST', '/api/admin/policies', {mapPattern, action, effect: 'allow', ...rest});
    assert.equal(status, 201, JSON.stringify(body));
    return body.id;
  }

  async remove(id) {
    assert.equal((await this.call('DELETE', `/api/admin/policies/${encodeURIComponent(id)}`)).status, 204);
  }

  async list() {
    return (await this.call('GET', '/api/admin/policies')).body.policies;
  }
}

// Sends the ops as one frame. Resolves with the ids that were applied and refused, and the texts of the errors.
async function attempt(client, ...ops) {
  const errors = [];
  const done = new Map();
  const finished = client.waitFor(({type, payload}) => {
    if (type === 'ERROR') errors.push(payload);
    if (type !== 'OP_ACK') return false;
    for (const {opId, success} of payload.results ?? []) done.set(opId, success);
    for (const {id} of ops) if (Number(id) <= Number(payload.lastId) && !done.has(id)) done.set(id, true);
    return ops.every(({id}) => done.has(id));
  }, 'the ack');
  client.send({type: 'OP_BATCH', payload: {ops}});
  await finished;
  return {applied: ops.map(({id}) => done.get(id)), errors};
}

const mayWrite = async (client, map, value = 1) => (await attempt(client, client.put(map, `k${client.nextId}`, value))).applied[0];

test('policies of a cluster of two gateways', async (t) => {
  const cluster = await Cluster.start(t, {storage: 1, env: {TOPGUN_ADMIN_SUBJECTS: 'root,backup'}});
  const [first, second] = await cluster.urls();
  const token = async (...args) => (await cluster.topgun('token', ...args)).trim();
  const connect = async (url, ...args) => new Client(url, {token: await token('--sub', ...args)}).connect();
  const admin = new Admin(first, await token('--sub', 'operator', '--roles', 'admin'));
  const alice = await connect(first, 'alice');
  const bob = await connect(second, 'bob', '--roles', 'admin');
  const root = await connect(second, 'root');

  await t.test('everything is allowed as long as no policy was created', async () => {
    assert.equal(await mayWrite(alice, 'notes'), true);
    assert.equal(await mayWrite(bob, 'shut'), true);
    await admin.remove('never-existed');
    assert.equal(await mayWrite(bob, 'shut'), true);
    assert.deepEqual(await admin.list(), []);
  });

  await t.test('a policy that is wrong is refused with the name of the field', async () => {
    const bad = await admin.call('POST', '/api/admin/policies',
                                 {mapPattern: 'notes', action: 'write', effect: 'allow', conditionExpr: 'auth.id = data.ownerId'});
    assert.equal(bad.status, 400);
    assert.equal(bad.body.field, 'conditionExpr');
    assert.match(bad.body.message, /position 9/);
    assert.equal(await mayWrite(bob, 'shut'), true);
  });

  await t.test('the first policy closes everything else, at both gateways', async () => {
    await admin.allow('notes', 'all', {id: 'notes'});
    for (const client of [alice, bob]) {
      await until(async () => !(await mayWrite(client, 'shut')), 'the policy', 2_000);
      assert.equal(await mayWrite(client, 'notes'), true);
      const {errors} = await attempt(client, client.put('shut', 'k', 1));
      assert.deepEqual(errors.map(({code, message}) => ({code, message})),
                       [{code: 403, message: 'write access denied for map: shut'}]);
    }
    assert.deepEqual(await admin.list(), [{id: 'notes', mapPattern: 'notes', action: 'all', effect: 'allow'}]);
  });

  await t.test('subjects of administrators pass, the role does not', async () => {
    assert.equal(await mayWrite(root, 'shut'), true);
    assert.equal(await mayWrite(bob, 'shut'), false);
  });

  await t.test('owners may write what is theirs', async () => {
    await admin.allow('owned.*', 'write', {conditionExpr: 'auth.id == data.ownerId'});
    await until(() => mayWrite(bob, 'owned.a', {ownerId: 'bob'}), 'the policy', 2_000);
    assert.equal(await mayWrite(bob, 'owned.a', {ownerId: 'alice'}), false);
    assert.equal(await mayWrite(bob, 'owned.a', {}), false);
    assert.equal(await mayWrite(bob, 'owned.a.b', {ownerId: 'bob'}), false);
    assert.equal(await mayWrite(root, 'owned.a', {ownerId: 'alice'}), true);
    assert.equal((await attempt(bob, bob.remove('owned.a', 'k'))).applied[0], false);
  });

  await t.test('any deny overrides', async () => {
    const {body} = await admin.call('POST', '/api/admin/policies', {
      mapPattern: 'notes', action: 'write', effect: 'deny',
      condition: {op: 'eq', attribute: 'locked', value: true}});
    await until(async () => !(await mayWrite(bob, 'notes', {locked: true})), 'the policy', 2_000);
    assert.equal(await mayWrite(bob, 'notes', {locked: false}), true);
    await admin.remove(body.id);
    await until(() => mayWrite(bob, 'notes', {locked: true}), 'its end', 2_000);
  });

  await t.test('reads are denied: queries and Merkle trees', async () => {
    const asked = async (message) => {
      const answer = bob.waitFor(isError('shut', 'read'), `an error for ${message.type}`);
      bob.send(message);
      await answer;
    };
    await asked({type: 'QUERY_SUB', payload: {queryId: 'shut', mapName: 'shut', query: {}}});
    await asked({type: 'SYNC_INIT', mapName: 'shut', lastSyncTimestamp: 0});
    await asked({type: 'MERKLE_REQ_BUCKET', payload: {mapName: 'shut', path: ''}});
    await asked({type: 'ORMAP_SYNC_INIT', mapName: 'shut', rootHash: 0, bucketHashes: {}});
    await asked({type: 'ORMAP_MERKLE_REQ_BUCKET', payload: {mapName: 'shut', path: ''}});
    await asked({type: 'ORMAP_DIFF_REQUEST', payload: {mapName: 'shut', keys: ['k']}});
  });

  await t.test('HTTP clients are asked for their permission, too', async () => {
    const sync = async (headers) => {
      const response = await fetch(`${admin.base}/sync`, {
        method: 'POST', headers, body: pack({
          clientId: 'http', clientHlc: {millis: Date.now(), counter: 0, nodeId: 'http'},
          queries: [{queryId: 'q', mapName: 'shut', filter: {}}]})});
      assert.equal(response.status, 200);
      return unpack(Buffer.from(await response.arrayBuffer()));
    };
    const denied = await sync({});
    assert.equal(denied.errors[0].code, 403);
    assert.ok(!denied.queryResults?.length);
    const allowed = await sync({authorization: `Bearer ${await token('--sub', 'root')}`});
    assert.ok(allowed.queryResults[0].results.length > 0);
  });

  await t.test('a live query ends with its permission and comes back with it', async () => {
    const id = await admin.allow('live', 'all');
    await until(() => mayWrite(alice, 'live'), 'the policy', 2_000);
    await until(() => mayWrite(bob, 'live'), 'the policy', 2_000);
    await bob.query('live');
    const events = () => bob.frames.filter((f) => f.type === 'SERVER_EVENT' && f.payload.mapName === 'live').length;
    await mayWrite(alice, 'live');
    await until(() => events() === 1, 'the event');

    const ended = bob.waitFor(isError('live', 'read'), 'the end of the query');
    await admin.remove(id);
    await ended;
    await attempt(root, root.put('live', 'hidden', 1));
    await attempt(root, root.put('notes', 'marker', 1));
    await bob.query('notes');  // whatever was on its way before has arrived
    assert.equal(events(), 1);

    const again = bob.waitFor((f) => f.type === 'QUERY_RESP' && f.payload.queryId === 'q-live', 'the rows again');
    await admin.allow('live', 'all');
    assert.ok((await again).payload.results.some(({key}) => key === 'hidden'));
    await attempt(root, root.put('live', 'seen', 1));
    await until(() => events() === 2, 'the event');
  });

  await t.test('OR records that are pushed after a sync are writes', async () => {
    const pushed = (map) => ({
      type: 'ORMAP_PUSH_DIFF',
      payload: {mapName: map, entries: [{key: 'k', records: [{value: 1, timestamp: bob.tick(), tag: `tag-${map}`}], tombstones: []}]}});
    const answer = bob.waitFor(isError('shut', 'write'), 'an error for ORMAP_PUSH_DIFF');
    bob.send(pushed('shut'));
    await answer;
    await root.query('notes', 'or');
    const event = root.waitFor((f) => f.type === 'SERVER_EVENT' && f.payload.orRecord?.tag === 'tag-notes', 'OR_ADD');
    bob.send(pushed('notes'));
    await event;
  });

  await t.test('a forbidden op does not block the log of the client', async (t) => {
    const client = new TopGunClient({token: await token('--sub', 'carol')});
    t.after(() => client.offline());
    client.put('notes', 'before', 1);
    client.put('shut', 'forbidden', 1);
    client.put('notes', 'after', 1);
    client.online(second);
    await until(() => client.log.ops().length === 0, 'the log to empty');
    const rows = await alice.query('notes', 'log');
    assert.ok(rows.some(({key}) => key === 'before') && rows.some(({key}) => key === 'after'));
    assert.ok(client.errors.some(({message}) => message === 'write access denied for map: shut'));
    client.put('notes', 'later', 1);
    await until(() => client.log.ops().length === 0, 'the next write');
  });

  await t.test('the cluster stays closed without policies, also after a gateway was killed', async () => {
    for (const {id} of await admin.list()) await admin.remove(id);
    await until(async () => !(await mayWrite(bob, 'notes')), 'the end of the policies', 2_000);
    const [{name}] = await cluster.processes('gateway');
    await cluster.signal(name);
    await alice.closed;
    const back = await until(async () => {
      const [url] = await cluster.urls();
      return connect(url, 'alice').catch(() => undefined);
    }, 'the gateway to come back');
    assert.equal(await mayWrite(back, 'notes'), false);
    await back.close();
  });

  await Promise.all([bob.close(), root.close()]);
});
