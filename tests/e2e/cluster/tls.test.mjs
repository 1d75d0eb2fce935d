// TLS on the port for clients, with the certificates that `./topgun up --tls` makes and with others while it runs: who gets in, what those see who
// do not, and that certificates are replaced without touching anybody.
import assert from 'node:assert/strict';
import {execFile, execFileSync} from 'node:child_process';
import {once} from 'node:events';
import {copyFileSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import tls from 'node:tls';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const run = promisify(execFile);
const loadgen = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../build/release/bin/topgun-loadgen');

// {status, body} of a GET with node:http or node:https.
function get(module, url, options) {
  return new Promise((resolve, reject) => {
    module.get(url, {agent: false, ...options}, (response) => {
      let body = '';
      response.on('data', (chunk) => body += chunk);
      response.on('end', () => resolve({status: response.statusCode, body}));
    }).on('error', reject);
  });
}

test('TLS for clients', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1, tls: true});
  const {token} = cluster;
  const [url] = await cluster.urls();
  const port = Number(new URL(url).port);
  const file = (name) => path.join(cluster.dir, 'tls', name);
  const ca = readFileSync(file('ca.crt'));
  const metric = (pattern) => cluster.metric('gateway-0', pattern);
  const handshakes = (result) => metric(new RegExp(`^gateway_tls_handshakes_total.*"${result}"`));

  // The certificate that a new connection sees.
  const certificate = () => new Promise((resolve, reject) => {
    const socket = tls.connect({host: '127.0.0.1', port, ca, ALPNProtocols: ['http/1.1']}, () => {
      resolve({...socket.getPeerCertificate(), alpn: socket.alpnProtocol, version: socket.getProtocol()});
      socket.destroy();
    });
    socket.once('error', reject);
  });

  // Another certificate of the same authority, complete at once as a careful tool leaves it.
  const renew = (name) => {
    const openssl = (...args) => execFileSync('openssl', args, {stdio: 'pipe'});
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`,
            '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', file('new.key'), '-out', file('new.csr'));
    openssl('x509', '-req', '-in', file('new.csr'), '-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-days', '7',
            '-copy_extensions', 'copy', '-out', file('new.crt'));
    renameSync(file('new.key'), file('gateway.key'));
    renameSync(file('new.crt'), file('gateway.crt'));
  };

  const client = await new Client(url, {token, tls: {ca}}).connect();
  t.after(() => client.close());
  assert.equal(url.slice(0, 6), 'wss://');
  assert.equal((await client.write(client.put('secure', 'a', 1))).lastId, '1');

  await t.test('a modern protocol is chosen', async () => {
    const {alpn, version} = await certificate();
    assert.equal(alpn, 'http/1.1');
    assert.equal(version, 'TLSv1.3');
    const old = tls.connect({host: '127.0.0.1', port, ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0'});
    await assert.rejects(once(old, 'secureConnect'));
    await until(async () => await handshakes('no_common') === 1, 'the refused handshake to be counted');
  });

  await t.test('who does not know the authority is not connected', async () => {
    const stranger = new Client(url, {token});
    await assert.rejects(stranger.connect(), /self-signed|unable to (verify|get)/);
  });

  await t.test('HTTP goes the same way', async () => {
    const {status, body} = await get(https, `https://localhost:${port}/health`, {ca});
    assert.equal(status, 200);
    assert.equal(JSON.parse(body).connections, 1);
  });

  await t.test('plain text is told so, and closed without a reset', async () => {
    const {status, body} = await get(http, `http://127.0.0.1:${port}/health`);
    assert.equal(status, 400);
    assert.match(body, /speaks TLS/);
    const socket = net.connect(port, '127.0.0.1');
    socket.end('this is no TLS\r\n'.repeat(1000));
    socket.resume();
    const [failed] = await once(socket, 'close');
    assert.equal(failed, false);
    assert.equal(await handshakes('plain_http'), 1);
    assert.equal(await handshakes('plain_text'), 1);
  });

  await t.test('the load generator knows wss', async () => {
    await cluster.topgun('load', '--smoke', '--quiet');
    const env = {...process.env, JWT_SECRET: readFileSync(path.join(cluster.dir, 'run/secret'), 'utf8').trim()};
    const load = (...args) => run(loadgen, ['--url', url, '--connections', '2', '--ops', '1000', '--connect-timeout', '2s', ...args], {env});
    await assert.rejects(load(), ({stdout}) => /certificate verify failed/.test(stdout));
    await until(async () => await handshakes('refused') >= 1, 'the refused handshakes to be counted');
    await load('--tls-insecure');
  });

  await t.test('a new certificate is taken for new connections, and those that exist stay', async () => {
    const expiry = () => metric(/^tls_certificate_expiry_timestamp_seconds\{use="clients"\}/);
    const before = await certificate();
    assert.equal(await expiry(), Date.parse(before.valid_to) / 1000);
    renew('renewed');
    await until(async () => (await certificate()).subject.CN === 'renewed', 'the new certificate');
    assert.equal(await expiry(), Date.parse((await certificate()).valid_to) / 1000);
    assert.ok(await expiry() < Date.parse(before.valid_to) / 1000);
    assert.equal(await metric(/^tls_reloads_total\{outcome="ok",use="clients"\}/), 1);
    assert.equal((await client.write(client.put('secure', 'a', 2))).lastId, '2');
    const second = await new Client(url, {token, tls: {ca}}).connect();
    assert.deepEqual((await second.query('secure')).map(({value}) => value), [2]);
    await second.close();
  });

  await t.test('a broken certificate is not taken', async () => {
    copyFileSync(file('gateway.crt'), file('kept.crt'));
    writeFileSync(file('gateway.crt'), 'not a certificate\n');
    await until(async () => await metric(/^tls_reloads_total\{outcome="failed",use="clients"\}/) === 1, 'the failure to be counted');
    assert.equal((await certificate()).subject.CN, 'renewed');
    const log = readFileSync(path.join(cluster.dir, 'log/gateway-0.log'), 'utf8');
    assert.match(log, /gateway\.crt holds no certificate/);
    renameSync(file('kept.crt'), file('gateway.crt'));
    renew('again');
    await until(async () => (await certificate()).subject.CN === 'again', 'the certificate after the broken one');
    assert.equal((await client.write(client.put('secure', 'a', 3))).lastId, '3');
  });
});
