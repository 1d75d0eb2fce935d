// The environment variables of the TopGun reference server (core.md 2.10), each group by what it changes.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

import {Client} from '../support/client.mjs';
import {Sandbox} from '../support/server.mjs';

const topgun = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../topgun');
const SECRET = 'test-e2e-secret';
const MEMORY = {STORAGE_BACKEND: 'null'};
const OPEN = {...MEMORY, TOPGUN_NO_AUTH: 'true'};

for (const name of Object.keys(process.env)) {
  if (/^(TOPGUN_|JWT_|INSECURE_|STORAGE_BACKEND$|PORT$)/.test(name)) delete process.env[name];
}

const token = (sub = 'ann') => execFileSync(
    topgun, ['token', '--sub', sub], {encoding: 'utf8', env: {...process.env, JWT_SECRET: SECRET}}).trim();

// Whether anything accepts connections there.
const answers = (host, port) => new Promise((resolve) => {
  const socket = net.connect({host, port}, () => resolve(true) || socket.destroy());
  socket.on('error', () => resolve(false));
});

const outside = Object.values(os.networkInterfaces()).flat().find(({internal, family}) => !internal && family === 'IPv4')?.address;
const hasIpv6 = Object.values(os.networkInterfaces()).flat().some(({address}) => address === '::1');

// An environment variable of the service that runs for this server.
function environmentOf(sandbox, program, name) {
  const pid = sandbox.processes().find((each) => readFileSync(`/proc/${each}/cmdline`, 'utf8').split('\0')[0].endsWith(program));
  return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').find((line) => line.startsWith(`${name}=`))?.split('=')[1];
}

const redis = (sandbox, ...args) => execFileSync(
    'redis-cli', ['-s', path.join(sandbox.folders()[0], 'run/redis.sock'), ...args], {encoding: 'utf8'}).trim();

test('JWT_SECRET, TOPGUN_JWT_ISSUER, INSECURE_FORWARD_AUTH_ERRORS: who may come in, and what the others are told', async (t) => {
  const sandbox = new Sandbox(t);
  const secret = await sandbox.start('secret', ['--port', '0'], {...MEMORY, JWT_SECRET: SECRET});
  await (await new Client(secret.url, {token: token()}).connect()).close();

  const strict = await sandbox.start('strict', ['--port', '0'], {
    ...MEMORY, JWT_SECRET: SECRET, TOPGUN_JWT_ISSUER: 'https://issuer', TOPGUN_JWT_AUDIENCE: 'app', INSECURE_FORWARD_AUTH_ERRORS: '1'});
  const refused = new Client(strict.url, {token: token()});
  refused.connect().catch(() => {});
  const reason = await refused.waitFor((frame) => frame.type === 'AUTH_FAIL', 'AUTH_FAIL');
  assert.notEqual(reason.error, 'Authentication failed');
  assert.match(reason.error, /iss|aud/);

  await assert.rejects(sandbox.start('none', ['--port', '0'], MEMORY), /JWT_SECRET is not set/);
  assert.equal(await sandbox.servers.at(-1).ended, 1);
});

test('TOPGUN_NO_AUTH wins over JWT_SECRET', async (t) => {
  const sandbox = new Sandbox(t);
  const server = await sandbox.start('open', ['--port', '0'], {...MEMORY, TOPGUN_NO_AUTH: '1', JWT_SECRET: SECRET});
  await (await new Client(server.url).connect()).close();
});

test('TOPGUN_BIND_ADDR: everywhere by default, on loopback without authentication', async (t) => {
  const sandbox = new Sandbox(t);
  const reach = async (server, everywhere) => {
    assert.equal(await answers('127.0.0.1', server.port), true);
    if (hasIpv6) assert.equal(await answers('::1', server.port), true);
    if (outside) assert.equal(await answers(outside, server.port), everywhere);
    await server.stop();
  };
  const jwt = {...MEMORY, JWT_SECRET: SECRET};
  await reach(await sandbox.start('jwt', ['--port', '0'], jwt), true);
  await reach(await sandbox.start('open', ['--port', '0'], OPEN), false);
  await reach(await sandbox.start('jwt on loopback', ['--port', '0'], {...jwt, TOPGUN_BIND_ADDR: '127.0.0.1'}), false);
  await reach(await sandbox.start('open everywhere', ['--port', '0'], {...OPEN, TOPGUN_BIND_ADDR: '0.0.0.0'}), true);
  await assert.rejects(sandbox.start('nowhere', ['--port', '0'], {...OPEN, TOPGUN_BIND_ADDR: 'nowhere'}), /nowhere is not an IP address/);
});

test('STORAGE_BACKEND: with and without Postgres', async (t) => {
  const sandbox = new Sandbox(t);
  const hasPostgres = () => existsSync(path.join(sandbox.folders()[0], 'postgres'));
  for (const [backend, expected] of [['null', false], ['redb', true], ['postgres', true]]) {
    const server = await sandbox.start(backend, ['--port', '0'], {TOPGUN_NO_AUTH: '1', STORAGE_BACKEND: backend});
    assert.equal(hasPostgres(), expected, backend);
    await server.stop();
  }
  await assert.rejects(sandbox.start('other', ['--port', '0'], {TOPGUN_NO_AUTH: '1', STORAGE_BACKEND: 'mysql'}),
                       /STORAGE_BACKEND is 'mysql'/);
});

test('TOPGUN_MAX_RAM_MB and its marks: what may be dropped is bounded', async (t) => {
  const sandbox = new Sandbox(t);
  const server = await sandbox.start('small', ['--port', '0'], {
    ...OPEN, TOPGUN_MAX_RAM_MB: '300', TOPGUN_EVICTION_HIGH_PCT: '50', TOPGUN_EVICTION_LOW_PCT: '40', TOPGUN_EVICTION_INTERVAL_MS: '500'});
  const mib = 1 << 20;
  assert.equal(Number(environmentOf(sandbox, 'topgun-sync', 'TOPGUN_CACHE_BYTES_MAX')), 50 * mib);
  assert.equal(Number(environmentOf(sandbox, 'topgun-sync', 'TOPGUN_VIEW_BYTES_MAX')), 100 * mib);
  for (const name of ['TOPGUN_EVICTION_LOW_PCT', 'TOPGUN_EVICTION_INTERVAL_MS']) assert.match(server.stderr, new RegExp(`${name} has no effect: `));
  await assert.rejects(sandbox.start('odd', ['--port', '0'], {...OPEN, TOPGUN_MAX_RAM_MB: 'much'}), /TOPGUN_MAX_RAM_MB takes a number/);
});

test('TOPGUN_WAL_DIR and TOPGUN_WAL_FSYNC_POLICY: the log of what was acknowledged', async (t) => {
  const sandbox = new Sandbox(t);
  const env = {...OPEN, TOPGUN_WAL_DIR: path.join(sandbox.dir, 'wal')};
  for (const [policy, expected] of [['batched', 'everysec'], ['none', 'no'], ['per_op', 'always']]) {
    const server = await sandbox.start(policy, ['--port', '0'], {...env, TOPGUN_WAL_FSYNC_POLICY: policy});
    assert.equal(redis(sandbox, 'CONFIG', 'GET', 'appendfsync'), `appendfsync\n${expected}`);
    const client = await new Client(server.url).connect();
    await client.write(client.put('logged', policy, 1));
    await server.stop();
    assert.deepEqual(sandbox.folders(), []);
  }
  assert.notEqual(readdirSync(env.TOPGUN_WAL_DIR).length, 0);
  // The folders of the servers are gone, their log is not.
  const server = await sandbox.start('again', ['--port', '0'], env);
  const rows = await (await new Client(server.url).connect()).query('logged');
  assert.deepEqual(rows.map((row) => row.key).sort(), ['batched', 'none', 'per_op']);
  await assert.rejects(sandbox.start('second', ['--port', '0'], env), /is the log of another server that runs/);
  await assert.rejects(sandbox.start('odd', ['--port', '0'], {...env, TOPGUN_WAL_FSYNC_POLICY: 'often'}), /TOPGUN_WAL_FSYNC_POLICY is 'often'/);
});

test('variables without a meaning here are named', async (t) => {
  const sandbox = new Sandbox(t);
  const names = ['TOPGUN_JOURNAL_CAPACITY', 'TOPGUN_EPOCH_WIDTH', 'TOPGUN_RECLAMATION_MARGIN_EPOCHS'];
  const server = await sandbox.start('noted', ['--port', '0'], {...OPEN, ...Object.fromEntries(names.map((name) => [name, '1']))});
  for (const name of names) assert.match(server.stderr, new RegExp(`${name} has no effect: `));
});

test('TOPGUN_JOURNAL_ENABLED: some words switch the journal off', async (t) => {
  const sandbox = new Sandbox(t);
  for (const [word, events] of [[undefined, 1], ['1', 1], ['FALSE', 0], ['off', 0]]) {
    const server = await sandbox.start(`journal ${word}`, ['--port', '0'], {...OPEN, ...(word && {TOPGUN_JOURNAL_ENABLED: word})});
    const client = await new Client(server.url).connect();
    await client.write(client.put('m', 'k', 1));
    const answered = client.waitFor((frame) => frame.type === 'JOURNAL_READ_RESPONSE', 'the answer');
    client.send({type: 'JOURNAL_READ', requestId: 'r', fromSequence: '0'});
    assert.equal((await answered).events.length, events, word);
    await client.close();
    await server.stop();
  }
});

test('PORT, and the flag that wins over it', async (t) => {
  const sandbox = new Sandbox(t);
  const free = await new Promise((resolve) => {
    const probe = net.createServer().listen(0, '127.0.0.1', () => {
      const {port} = probe.address();
      probe.close(() => resolve(port));
    });
  });
  const server = await sandbox.start('variable', [], {...OPEN, PORT: String(free)});
  assert.equal(server.port, free);
  const other = await sandbox.start('flag', ['--port', '0'], {...OPEN, PORT: String(free)});
  assert.notEqual(other.port, free);
});

const http = (server, route, {token: bearer, body, headers} = {}) => fetch(`http://127.0.0.1:${server.port}${route}`, {
  method: body ? 'POST' : 'GET',
  body: body && JSON.stringify(body),
  headers: {...(body && {'content-type': 'application/json'}), ...(bearer && {authorization: `Bearer ${bearer}`}), ...headers},
});

test('TOPGUN_ADMIN_USERNAME, TOPGUN_ADMIN_PASSWORD, TOPGUN_ADMIN_SUBJECTS: who administers, and whom no policy concerns', async (t) => {
  const sandbox = new Sandbox(t);
  const server = await sandbox.start('administered', ['--port', '0'], {
    ...MEMORY, JWT_SECRET: SECRET, TOPGUN_ADMIN_USERNAME: 'root', TOPGUN_ADMIN_PASSWORD: 'secret', TOPGUN_ADMIN_SUBJECTS: 'carol,dave'});
  assert.equal((await http(server, '/api/auth/login', {body: {username: 'root', password: 'wrong'}})).status, 401);
  const login = await http(server, '/api/auth/login', {body: {username: 'root', password: 'secret'}});
  assert.equal(login.status, 200);
  const {token: admin} = await login.json();
  assert.equal((await http(server, '/api/admin/maps')).status, 401);
  assert.equal((await http(server, '/api/admin/maps', {token: admin})).status, 200);

  // From the first policy on only what one allows is allowed.
  const policy = await http(server, '/api/admin/policies', {token: admin, body: {mapPattern: 'public', action: 'all', effect: 'allow'}});
  assert.equal(policy.status, 201);
  const [ann, carol] = await Promise.all(['ann', 'carol'].map((sub) => new Client(server.url, {token: token(sub)}).connect()));
  await carol.write(carol.put('private', 'key', 1));
  const denied = ann.waitFor((frame) => frame.type === 'ERROR', 'ERROR');
  ann.send({type: 'OP_BATCH', payload: {ops: [ann.put('private', 'key', 2)]}});
  assert.match((await denied).payload.message, /private/);
});

test('TOPGUN_ALLOW_NO_AUTH_PUBLIC_BIND: administration without tokens only where the operator says so', async (t) => {
  const sandbox = new Sandbox(t);
  const statusOf = async (name, env) => {
    const server = await sandbox.start(name, ['--port', '0'], {...OPEN, ...env});
    const {status} = await http(server, '/api/admin/maps');
    await server.stop();
    return status;
  };
  assert.equal(await statusOf('loopback', {}), 200);
  assert.equal(await statusOf('public', {TOPGUN_BIND_ADDR: '0.0.0.0'}), 404);
  assert.equal(await statusOf('allowed', {TOPGUN_BIND_ADDR: '0.0.0.0', TOPGUN_ALLOW_NO_AUTH_PUBLIC_BIND: '1'}), 200);
});

test('TOPGUN_CORS_ORIGINS, TOPGUN_TRUSTED_PROXY: who may read answers, and whose address counts', async (t) => {
  const sandbox = new Sandbox(t);
  const server = await sandbox.start('cors', ['--port', '0'], {...OPEN, TOPGUN_CORS_ORIGINS: 'https://a.example', TOPGUN_TRUSTED_PROXY: '1'});
  const allowed = async (origin) => (await http(server, '/health', {headers: {origin}})).headers.get('access-control-allow-origin');
  assert.equal(await allowed('https://a.example'), 'https://a.example');
  assert.equal(await allowed('https://b.example'), null);
  assert.equal(environmentOf(sandbox, 'topgun-gateway', 'TOPGUN_TRUSTED_PROXY'), '1');
});
