// topgunctl over gRPC, in a cluster whose services let in only whom they know (`./topgun up --tls`).
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {topgunctl, topgunctlWith} from '../support/ctl.mjs';
import {freePort} from '../support/service.mjs';

test('topgunctl over gRPC', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 2, storage: 1, tls: true});
  const ctl = (...args) => topgunctl('--data', cluster.dir, '--json', ...args);
  const file = (name) => path.join(cluster.dir, 'tls', name);
  const address = Object.fromEntries((await cluster.processes('sync', 'storage')).map(({name, ports}) => [name, `127.0.0.1:${ports.grpc}`]));
  const [url] = await cluster.urls();
  const client = await new Client(url, {token: cluster.token, tls: {ca: readFileSync(file('ca.crt'))}}).connect();
  t.after(() => client.close());
  await client.write(client.put('todos', 'a', 1), client.put('todos', 'b', 2), client.orAdd('tags', 'k', 'x'));

  await t.test('status shows each server, its services and their health', async () => {
    await until(async () => (await ctl('status')).code === 0, 'a cluster that serves');
    const {json} = await ctl('status');
    const shown = json.grpc.map(({target, health, services}) => [target, health, ...services.map(({name, health}) => `${name} ${health}`)]);
    const sync = (name) => [name, 'SERVING', 'topgun.sync.v1.Sync SERVING'];
    assert.deepEqual(shown.sort(), [['storage-0', 'SERVING', 'topgun.storage.v1.Storage SERVING'], sync('sync-0'), sync('sync-1')]);
    for (const one of json.grpc) assert.ok(one.reachable && one.reflection && one.round_trip_seconds > 0, JSON.stringify(one));
    const {stdout} = await topgunctl('--data', cluster.dir, 'status');
    assert.match(stdout, /^GRPC +ADDRESS +HEALTH +ROUND TRIP +SERVICES\n/m);
    assert.match(stdout, /^sync-1 +127\.0\.0\.1:\d+ +SERVING +\S+ +topgun\.sync\.v1\.Sync$/m);
  });

  await t.test('a server that drains says so, and doctor tells', async () => {
    await until(async () => (await ctl('doctor')).code === 0, 'a healthy cluster');
    assert.match((await ctl('doctor')).json.findings.find(({id}) => id === 'grpc').measured, /^3 gRPC servers are SERVING/);
    assert.equal((await ctl('drain', 'sync-1')).code, 0);
    const {code, json} = await ctl('status');
    assert.equal(code, 1);
    assert.equal(json.grpc.find(({target}) => target === 'sync-1').health, 'NOT_SERVING');
    const doctor = await ctl('doctor');
    assert.equal(doctor.code, 1);
    assert.match(doctor.json.findings.find(({id}) => id === 'grpc').measured, /^sync-1: the server is NOT_SERVING$/);
    assert.equal((await ctl('drain', 'sync-1', '--cancel')).code, 0);
    await until(async () => (await ctl('status')).code === 0, 'it to serve again');
  });

  await t.test('maps come from a gateway or from any sync service', async () => {
    assert.deepEqual((await ctl('maps')).json.maps.map(({name, entryCount}) => [name, entryCount]), [['tags', 1], ['todos', 2]]);
    for (const name of ['sync-0', 'sync-1']) {
      const {code, json, stderr} = await ctl('maps', '--from', name);
      assert.equal(code, 0, stderr);
      assert.deepEqual(json, {sync: name, maps: [
        {name: 'tags', kind: 'or', entryCount: 1, cells: 1},
        {name: 'todos', kind: 'lww', entryCount: 2, cells: 2},
      ]});
    }
    const all = await ctl('maps', '--all');
    assert.equal(all.code, 0, all.stderr);
    assert.ok(all.json.maps.length >= 2);
    const gateway = await ctl('maps', '--from', 'gateway-0', '--all');
    assert.equal(gateway.code, 2);
    assert.match(gateway.stderr, /--all: only a sync service/);
  });

  await t.test('merkle diff compares replicas with each other and with a gateway', async () => {
    const roots = [];
    for (const between of [['sync-0', 'sync-1'], ['gateway-0', 'sync-1'], ['sync-0', 'gateway-0']]) {
      const {code, json, stderr} = await ctl('merkle', 'diff', 'todos', '--between', ...between);
      assert.equal(code, 0, stderr);
      roots.push(json.left.root, json.right.root);
    }
    assert.notEqual(roots[0], 0);
    assert.equal(new Set(roots).size, 1);
    assert.equal((await ctl('merkle', 'diff', 'tags', '--kind', 'or', '--between', 'sync-0', 'gateway-0')).code, 0);
    const wrong = await ctl('merkle', 'diff', 'todos', '--between', 'sync-0', 'storage-0');
    assert.equal(wrong.code, 3);
    assert.match(wrong.stderr, /storage-0 .*topgun\.sync\.v1\.Sync.*it is another service/);
    const unknown = await ctl('merkle', 'diff', 'todos', '--between', 'sync-0', 'sync-9');
    assert.equal(unknown.code, 3);
    assert.match(unknown.stderr, /no gateway or gRPC server sync-9; .*gateway-0.*sync-1/);
  });

  const tls = (name, ca = 'ca.crt') =>
    ['--grpc-tls-certificate-file', file(`${name}.crt`), '--grpc-tls-key-file', file(`${name}.key`), '--grpc-tls-ca-file', file(ca)];
  const rpc = ['--json', '--rpc', `a=${address['sync-0']},b=${address['storage-0']}`];

  await t.test('servers are named on the command line or in the environment', async () => {
    const {code, json, stderr} = await topgunctl(...rpc, ...tls('grpc-topgunctl'), 'status');
    assert.equal(code, 0, stderr);
    assert.deepEqual([json.processes, json.grpc.map(({target}) => target)], [[], ['a', 'b']]);
    assert.equal((await topgunctl(...rpc, ...tls('grpc-topgunctl'), 'maps')).json.sync, 'a');
    const variables = {TOPGUNCTL_RPC: address['sync-1'], TOPGUN_GRPC_TLS_CERTIFICATE_FILE: file('grpc-topgunctl.crt'),
                       TOPGUN_GRPC_TLS_KEY_FILE: file('grpc-topgunctl.key'), TOPGUN_GRPC_TLS_CA_FILE: file('ca.crt'),
                       TOPGUN_GRPC_TLS_PEER_NAMES: 'topgun-sync'};
    const named = await topgunctlWith(variables, '--json', 'status');
    assert.equal(named.code, 0, named.stderr);
    assert.deepEqual(named.json.grpc.map(({target}) => target), [address['sync-1']]);
  });

  await t.test('what is wrong is told', async () => {
    const errors = async (...args) => {
      const {code, json} = await topgunctl(...rpc, ...args, 'status');
      assert.equal(code, 3, args.join(' '));
      return json.grpc.map(({reachable, error}) => reachable ? '' : error);
    };
    for (const error of await errors()) assert.match(error, /it may want TLS/, 'plain text');
    const [sync, storage] = await errors(...tls('grpc-gateway'));
    assert.equal(sync, '', 'gateways may call sync services');
    assert.match(storage, /^b \(127\.0\.0\.1:\d+\): .*--grpc-tls-peer-names/);
    for (const error of await errors(...tls('grpc-topgunctl', 'grpc-gateway.crt'))) assert.match(error, /--grpc-tls-ca-file/, 'another authority');
    for (const error of await errors(...tls('grpc-topgunctl'), '--grpc-tls-peer-names=topgun-gateway')) assert.match(error, /--grpc-tls-peer-names/);
    const missing = await topgunctl(...rpc, ...tls('no-such'), 'status');
    assert.equal(missing.code, 2);
    assert.match(missing.stderr, /no-such/);
    const gone = await topgunctl('--json', '--rpc', `127.0.0.1:${await freePort()}`, 'status');
    assert.equal(gone.code, 3);
    assert.match(gone.json.grpc[0].error, /refused/i);
    const far = await topgunctl('--rpc', '192.0.2.1:9000', 'status');
    assert.equal(far.code, 2);
    assert.match(far.stderr, /--allow-plaintext=grpc/);
    assert.match((await topgunctl('--rpc', '127.0.0.1', 'status')).stderr, /the port is missing/);
  });
});
