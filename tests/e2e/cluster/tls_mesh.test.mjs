// A cluster in which every hop is encrypted and every peer is known (`./topgun up --tls`): writes go through, nobody gets in by another way, and
// the certificates of all services and of Redis are replaced while it runs.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';

import {Client, until} from '../support/client.mjs';
import {Cluster, topgun} from '../support/cluster.mjs';

const HTTP2 = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';  // what opens a gRPC connection: preface and empty SETTINGS

// What a server says to `words` before it closes, or within the bytes that are enough to know it: '' when it says nothing.
function answerOf(socket, words) {
  return new Promise((resolve) => {
    let answer = '';
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
    socket.on('data', (bytes) => {
      answer += bytes.toString('latin1');
      socket.destroy();
    });
    socket.write(words);
  });
}

test('TLS between all processes', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 2, storage: 1, tls: true});
  const {token} = cluster;
  const file = (name) => path.join(cluster.dir, 'tls', name);
  const ca = readFileSync(file('ca.crt'));
  const pair = (name) => ({cert: readFileSync(file(`${name}.crt`)), key: readFileSync(file(`${name}.key`))});
  const port = (name) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(readFileSync(path.join(cluster.dir, 'run/ports'), 'utf8'))[1]);
  const servers = ['sync-0.grpc', 'sync-1.grpc', 'storage-0.grpc', 'redis.tls'];
  const plain = (name) => net.connect(port(name), '127.0.0.1');
  const secure = (name, options = {}) => tls.connect({host: '127.0.0.1', port: port(name), ca, ALPNProtocols: ['h2'], ...options});
  // The certificate that a new connection sees.
  const certificate = (name) => new Promise((resolve, reject) => {
    const socket = secure(name, pair('grpc-sync'));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
  });

  const [url] = await cluster.urls();
  const client = await new Client(url, {token, tls: {ca}}).connect();
  t.after(() => client.close());

  await t.test('a write reaches Postgres and is read back', async () => {
    await client.write(client.put('mesh', 'a', 1), client.put('mesh', 'b', 2), client.orAdd('tags', 'k', 'x'));
    assert.deepEqual((await client.query('mesh')).map(({value}) => value).sort(), [1, 2]);
    await cluster.persisted();
    assert.deepEqual(cluster.psql("SELECT count(*) FROM topgun.records WHERE map = 'mesh'"), [['2']]);
  });

  await t.test('Redis has no other port, and the services log in with the least permissions', () => {
    assert.equal(JSON.parse(cluster.redis('CONFIG', 'GET', 'port')).port, '0');
    const services = cluster.redis('CLIENT', 'LIST').split('\n').filter((line) => / name=(topgun-storage|sync-)/.test(line));
    assert.ok(services.length >= 4, services.join('\n'));
    for (const line of services) {
      assert.match(line, / user=topgun /);
      assert.match(line, new RegExp(` laddr=127.0.0.1:${port('redis.tls')} `));
    }
    assert.deepEqual(JSON.parse(cluster.redis('ACL', 'LOG')), [], 'nothing they needed was refused');
  });

  await t.test('plain text is not answered', async () => {
    for (const name of servers) {
      const words = name === 'redis.tls' ? 'PING\r\n' : HTTP2;
      assert.doesNotMatch(await answerOf(plain(name), words), /PONG|^\0\0[^]\x04/, name);
    }
  });

  await t.test('nobody gets in without a certificate of the right role', async () => {
    for (const name of servers) {
      const words = name === 'redis.tls' ? 'PING\r\n' : HTTP2;
      assert.equal(await answerOf(secure(name), words), '', `${name} without a certificate`);
    }
    assert.equal(await answerOf(secure('storage-0.grpc', pair('grpc-gateway')), HTTP2), '', 'gateways do not call storage services');
    assert.equal(await answerOf(secure('sync-0.grpc', pair('gateway')), HTTP2), '', 'the certificate for clients is none of a service');
    assert.notEqual(await answerOf(secure('storage-0.grpc', pair('grpc-sync')), HTTP2), '', 'who may gets an answer');
  });

  await t.test('all certificates are replaced while it runs', async () => {
    const before = await Promise.all(servers.map(certificate));
    renewAll(cluster.dir);
    cluster.redis('CONFIG', 'SET', 'tls-cert-file', file('redis.crt'), 'tls-key-file', file('redis.key'));
    await until(async () => {
      const now = await Promise.all(servers.map((name) => certificate(name).catch(() => undefined)));
      return now.every((serial, i) => serial && serial !== before[i]);
    }, 'the new certificates');
    await client.write(client.put('mesh', 'a', 3));  // on connections that were there before

    // Everybody has to connect anew, with new certificates on both ends.
    cluster.redis('CLIENT', 'KILL', 'USER', 'topgun');
    for (const name of ['storage-0', 'sync-0', 'sync-1']) await cluster.signal(name);
    await client.write(client.put('mesh', 'a', 4), client.put('mesh', 'c', 5));
    await cluster.persisted();
    assert.deepEqual(cluster.psql("SELECT value FROM topgun.records WHERE map = 'mesh' ORDER BY key"), [['4'], ['2'], ['5']]);
    const reloads = () => cluster.metric('gateway-0', /^tls_reloads_total\{outcome="ok",use="grpc"\}/);
    await until(async () => await reloads() >= 1, 'the gateway to have looked at the files');
    assert.equal(await cluster.metric('gateway-0', /^tls_reloads_total\{outcome="failed"/), 0);
  });
});

// What a rotation on a machine does: new pairs of the same authority, under the names that are there.
function renewAll(dir) {
  const script = `TOPGUN_ROOT=$1 && source "$1/deploy/local/lib/common.sh" && load certificates &&
    for role in gateway sync storage; do issue_certificate "$2/tls" "grpc-$role" "topgun-$role" localhost 127.0.0.1; done &&
    issue_certificate "$2/tls" redis localhost 127.0.0.1`;
  execFileSync('bash', ['-euo', 'pipefail', '-c', script, 'renew', path.dirname(topgun), dir], {stdio: 'pipe'});
}
