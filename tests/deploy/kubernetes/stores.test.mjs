// The in-cluster stores start with what their components mount: with the servers of this machine, and the
// mounts in a folder.
import assert from 'node:assert/strict';
import {execFileSync, spawn} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {setTimeout as pause} from 'node:timers/promises';

import {KUBERNETES} from './kustomize.mjs';

const POSTGRES = '/usr/lib/postgresql/15/bin/postgres';
const PASSWORD = 'a "quoted" \\ password';

// A Unix socket's path must be short, so this is not in the build folder.
function folder(t) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'topgun-stores-'));
  t.after(() => rmSync(dir, {recursive: true, force: true}));
  return dir;
}

test('Redis takes its settings and the password of the Secret', {timeout: 60_000}, async (t) => {
  const root = folder(t);
  const component = path.join(KUBERNETES, 'components/redis-incluster');
  for (const dir of ['data', 'etc/topgun', 'run/redis', 'run/secrets/topgun/redis']) {
    mkdirSync(path.join(root, dir), {recursive: true});
  }
  writeFileSync(path.join(root, 'run/secrets/topgun/redis/password'), PASSWORD);
  cpSync(path.join(component, 'redis.conf'), path.join(root, 'etc/topgun/redis.conf'));
  // The same script and settings, with this folder as root and a Unix socket instead of the port.
  const moved = (text) => text.replaceAll(/ \/(data|etc|run)\b/g, ` ${root}/$1`).replaceAll(/>\/run/g, `>${root}/run`);
  const conf = readFileSync(path.join(component, 'redis.conf'), 'utf8');
  writeFileSync(path.join(root, 'etc/topgun/redis.conf'),
                `${moved(conf)}\nport 0\nunixsocket ${root}/redis.sock\n`);
  const script = path.join(root, 'start.sh');
  writeFileSync(script, moved(readFileSync(path.join(component, 'start.sh'), 'utf8')));
  const server = spawn('sh', [script], {stdio: ['ignore', 'pipe', 'inherit']});
  let log = '';
  server.stdout.on('data', (text) => { log += text; });
  const ended = new Promise((resolve) => { server.on('exit', resolve); });
  t.after(async () => {
    server.kill();
    await ended;
  });
  const redis = (...command) => execFileSync('redis-cli', ['-s', `${root}/redis.sock`, ...command],
      {encoding: 'utf8', env: {...process.env, REDISCLI_AUTH: PASSWORD}, stdio: ['ignore', 'pipe', 'pipe']});
  while (!existsSync(`${root}/redis.sock`)) {
    assert.equal(server.exitCode, null, log);
    await pause(50);
  }
  assert.equal(redis('ping').trim(), 'PONG');
  assert.match(redis('config', 'get', 'appendonly'), /yes/);
  assert.match(redis('config', 'get', 'maxmemory-policy'), /noeviction/);
  const stranger = execFileSync('redis-cli', ['-s', `${root}/redis.sock`, 'ping'], {encoding: 'utf8'});
  assert.match(stranger, /NOAUTH/);
});

test('PostgreSQL takes its settings', (t) => {
  const root = folder(t);
  const conf = path.join(KUBERNETES, 'components/postgres-incluster/postgresql.conf');
  const setting = (file, name) => execFileSync(POSTGRES, ['-C', name, '-c', `config_file=${file}`, '-D', root],
      {encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']}).trim();
  assert.equal(setting(conf, 'wal_compression'), 'lz4');
  assert.equal(setting(conf, 'max_wal_size'), '2048');
  const broken = path.join(root, 'broken.conf');
  writeFileSync(broken, `${readFileSync(conf, 'utf8')}\nshared_bufers = 1GB\n`);
  assert.throws(() => setting(broken, 'wal_compression'), /shared_bufers/);
});
