// topgunctl: every verb against a real cluster.
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {topgunctl as run} from '../support/ctl.mjs';
import {freePort, Service} from '../support/service.mjs';

async function write(client, map, ...keys) {
  const ops = keys.map((key) => client.put(map, key, key));
  const acked = client.waitFor(({type, payload}) => type === 'OP_ACK' && Number(payload.lastId) >= Number(ops.at(-1).id), 'the ack');
  client.send({type: 'OP_BATCH', payload: {ops}});
  await acked;
}

async function subscribe(client, mapName) {
  const answered = client.waitFor(({type}) => type === 'QUERY_RESP', 'the rows');
  client.send({type: 'QUERY_SUB', payload: {queryId: `q-${mapName}`, mapName, query: {}}});
  await answered;
}

test('topgunctl', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 1, storage: 1});
  const ctl = (...args) => run('--data', cluster.dir, '--json', ...args);
  const gateways = await cluster.processes('gateway');
  const names = gateways.map(({name}) => name);
  const urls = await cluster.urls();
  const connect = async (url, sub) => new Client(url, {token: (await cluster.topgun('token', '--sub', sub)).trim()}).connect();
  const alice = await connect(urls[0], 'alice');
  const bob = await connect(urls[1], 'bob');
  await write(alice, 'todos', 'a', 'b', 'c');

  await t.test('status shows every process', async () => {
    const {code, json} = await ctl('status');
    assert.equal(code, 0);
    assert.deepEqual(json.processes.map(({program}) => program).sort(), ['topgun-gateway', 'topgun-gateway', 'topgun-storage', 'topgun-sync']);
    for (const one of json.processes) assert.ok(one.reachable && one.ready && one.version && one.uptime_seconds > 0, JSON.stringify(one));
    const text = await run('--data', cluster.dir, 'status');
    assert.match(text.stdout, /^PROCESS +PROGRAM +VERSION +UP +READY +NOW\n/);
    for (const name of names) assert.match(text.stdout, new RegExp(`^${name} `, 'm'));
  });

  await t.test('admin addresses do instead of a folder, and who does not answer is told', async () => {
    const address = `127.0.0.1:${gateways[0].ports.admin}`;
    assert.equal((await run('--admin', address, 'status')).code, 0);
    const gone = await run('--admin', `${address},127.0.0.1:${await freePort()}`, '--json', 'status');
    assert.equal(gone.code, 3);
    assert.deepEqual(gone.json.processes.map(({reachable}) => reachable), [true, false]);
    assert.equal((await run('status')).code, 2);
  });

  await t.test('connections lists, finds and closes', async () => {
    const all = await ctl('connections');
    assert.deepEqual(all.json.connections.map(({gateway, subject}) => `${gateway} ${subject}`).sort(), [`${names[0]} alice`, `${names[1]} bob`]);
    const {json} = await ctl('connections', '--subject', 'bob');
    assert.equal(json.connections.length, 1);
    const [{gateway, id}] = json.connections;
    const text = await run('--data', cluster.dir, 'connections');
    assert.match(text.stdout, new RegExp(`^${gateway}/${id} +bob `, 'm'));
    assert.equal((await ctl('connections', 'kill', `${gateway}/${id}`)).code, 0);
    assert.equal(await bob.closed, 1001);
    assert.equal(bob.closeReason, 'closed by an operator');
    await until(async () => (await ctl('connections')).json.connections.length === 1, 'the end of the connection');
    assert.equal((await ctl('connections', 'kill', `${gateway}/${id}`)).code, 1);
  });

  await t.test('subscriptions and maps tell what is used', async () => {
    await subscribe(alice, 'todos');
    const {json} = await ctl('subscriptions');
    assert.deepEqual(json.subscriptions, [{map: 'todos', connections: 1, gateways: 1}]);
    const maps = await ctl('maps');
    assert.deepEqual(maps.json.maps.filter(({name}) => name === 'todos'), [{name: 'todos', entryCount: 3}]);
  });

  await t.test('merkle diff finds the keys that differ', async () => {
    const equal = await ctl('merkle', 'diff', 'todos', '--between', ...names);
    assert.equal(equal.code, 0, equal.stderr);
    assert.equal(equal.json.equal, true);
    assert.notEqual(equal.json.left.root, 0);

    // A cluster of its own beside this one, in the same Redis below another prefix.
    const {settings} = await (await fetch(`http://127.0.0.1:${gateways[0].ports.admin}/statusz`)).json();
    const grpcPort = await freePort();
    const replica = await Service.start(t, 'topgun-sync', [`--redis=unix:${cluster.dir}/run/redis.sock`, '--redis-prefix=other', '--storage=null', '--name=other',
                                                           `--grpc=127.0.0.1:${grpcPort}`, `--shards=${settings.shards}`]);
    const other = await Service.start(t, 'topgun-gateway', [`--sync=127.0.0.1:${grpcPort}`, '--listen=127.0.0.1:0', `--shards=${settings.shards}`,
                                                            `--jwt-secret-file=${cluster.dir}/run/secret`]);
    const carol = await connect(other.url, 'carol');
    await write(carol, 'todos', 'c', 'd');
    const unequal = await ctl('merkle', 'diff', 'todos', '--between', names[0], other.url);
    assert.equal(unequal.code, 1, unequal.stderr);
    assert.equal(unequal.json.equal, false);
    const byKey = Object.fromEntries(unequal.json.keys.map(({key, left, right}) => [key, [left !== '', right !== '']]));
    assert.deepEqual(byKey, {a: [true, false], b: [true, false], c: [true, true], d: [false, true]});

    // Neither needs a gateway.
    const direct = await ctl('merkle', 'diff', 'todos', '--between', 'sync-0', `grpc://127.0.0.1:${grpcPort}`);
    assert.equal(direct.code, 1, direct.stderr);
    assert.deepEqual(direct.json.keys, unequal.json.keys);
    assert.deepEqual(direct.json.left, {sync: 'sync-0', root: equal.json.left.root});
    const rpc = ['--rpc', `other=127.0.0.1:${grpcPort}`, '--json'];
    assert.deepEqual((await run(...rpc, 'maps')).json, {sync: 'other', maps: [{name: 'todos', kind: 'lww', entryCount: 2, cells: 2}]});
    assert.equal((await run(...rpc, 'status')).code, 0);
    replica.signal('SIGSTOP');
    const silent = await run(...rpc, '--timeout', '0.5', 'maps');
    replica.signal('SIGCONT');
    assert.equal(silent.code, 3);
    assert.match(silent.stderr, /other \(127\.0\.0\.1:\d+\): .*(--timeout gives it more time|timed out)/);
  });

  await t.test('drain takes a gateway out of service and puts it back', async () => {
    const {code, json} = await ctl('drain', names[1], '--wait');
    assert.equal(code, 0);
    assert.deepEqual(json, {state: 'drained', left: 0, unit: 'connections'});
    assert.equal((await ctl('status')).code, 1);
    assert.equal((await ctl('drain', names[1], '--cancel')).json.state, 'serving');
    assert.equal((await ctl('status')).code, 0);
    const unknown = await ctl('drain', names[1].replace('g', 'q'));
    assert.match(unknown.stderr, new RegExp(`did you mean ${names[1]}\\?`));
  });

  await t.test('reload reads the settings of all', async () => {
    const {code, json} = await ctl('reload');
    assert.equal(code, 0);
    assert.equal(Object.keys(json).length, 4);
    for (const {outcome} of Object.values(json)) assert.equal(outcome, 'unchanged');
  });

  await t.test('doctor finds nothing wrong, and what is', async () => {
    await until(async () => (await ctl('doctor')).code === 0, 'a healthy cluster');
    const {json} = await ctl('doctor');
    for (const id of ['reachable', 'ready', 'roles', 'versions', 'settings', 'clocks', 'shards', 'lag', 'files']) {
      assert.equal(json.findings.find((finding) => finding.id === id)?.severity, 'ok', id);
    }
    const sick = await run('--admin', `127.0.0.1:${await freePort()}`, 'doctor');
    assert.equal(sick.code, 1);
    assert.match(sick.stdout, /^PROBLEM +reachable .*\n.*next: /m);
  });

  const dir = mkdtempSync('/tmp/topgun-ctl.');
  t.after(() => rmSync(dir, {recursive: true, force: true}));
  const file = (name, text) => {
    writeFileSync(path.join(dir, name), text);
    return path.join(dir, name);
  };

  await t.test('token makes what the gateways take, and check tells', async () => {
    const made = await run('--data', cluster.dir, 'token', 'make', '--sub', 'dave', '--roles', 'a,b');
    assert.equal(made.code, 0);
    const dave = await new Client(urls[0], {token: made.stdout.trim()}).connect();
    dave.socket.close();
    const good = await ctl('token', 'check', file('token', made.stdout));
    assert.deepEqual(good.json, {valid: true, subject: 'dave', roles: ['a', 'b']});
    const bad = await run('--secret-file', file('secret', 'another secret than the cluster has'), '--json', 'token', 'check', path.join(dir, 'token'));
    assert.equal(bad.code, 1);
    assert.equal(bad.json.valid, false);
  });

  await t.test('config check asks the service itself', async () => {
    assert.equal((await run('config', 'check', 'gateway', file('good.conf', 'ops-burst = 5\n'))).code, 0);
    const bad = await run('config', 'check', 'gateway', file('bad.conf', 'ops-brust = 5\n'));
    assert.equal(bad.code, 2);
    assert.match(bad.stderr, /bad\.conf:1: unknown setting ops-brust; did you mean ops-burst\?/);
  });

  await t.test('policies come and go', async () => {
    const policy = {id: 'all', mapPattern: '*', action: 'all', effect: 'allow'};
    assert.deepEqual((await ctl('policy', 'list')).json.policies, []);
    assert.equal((await ctl('policy', 'put', file('policy.json', JSON.stringify(policy)))).json.id, 'all');
    await until(async () => (await ctl('policy', 'get', 'all')).code === 0, 'the policy');
    assert.equal((await ctl('policy', 'get', 'all')).json.mapPattern, '*');
    assert.match((await run('--data', cluster.dir, 'policy', 'list')).stdout, /^all +\* +all +allow +-$/m);
    assert.equal((await ctl('policy', 'delete', 'all')).code, 0);
    await until(async () => (await ctl('policy', 'get', 'all')).code === 1, 'the end of the policy');
    const wrong = await ctl('policy', 'put', file('wrong.json', '{"mapPattern":"*"}'));
    assert.equal(wrong.code, 3);
    assert.match(wrong.stderr, /answers 400: /);
  });

  await t.test('a wrong command line is explained', async () => {
    const wrong = await run('statsu');
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /Did you mean status\?/);
    assert.equal((await run('merkle', 'diff')).code, 2);
    assert.match((await run('--help')).stdout, /Exit codes: /);
    assert.match((await run('merkle', 'diff', '--help')).stdout, /--between/);
  });

  await t.test('./topgun ctl knows the local cluster', async () => {
    assert.match(await cluster.topgun('ctl', 'status'), /^PROCESS /);
  });
});
