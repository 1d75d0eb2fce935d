// Redis processes of a test's own: single ones, a Redis Cluster, a Sentinel. All on loopback, in one folder that goes with the test.
import {execFile, spawn} from 'node:child_process';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import {promisify} from 'node:util';

import {until} from './client.mjs';

const run = promisify(execFile);

// The bus of a cluster node listens 10 000 above its port, so both have to be free.
export async function freePort({below = 65_536, also = () => []} = {}) {
  const free = (port) => new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(0));
    server.listen(port, '127.0.0.1', () => {
      const found = server.address().port;
      server.close(() => resolve(found));
    });
  });
  for (;;) {
    const port = await free(below === 65_536 ? 0 : 20_000 + Math.floor(Math.random() * (below - 20_000)));
    const others = await Promise.all(also(port).map(free));
    if (port && others.every(Boolean)) return port;
  }
}

export class RedisServers {
  constructor(t) {
    this.dir = mkdtempSync('/tmp/topgun-redis-e2e.');
    this.all = [];
    t.after(async () => {
      await Promise.all(this.all.map((server) => server.kill()));
      rmSync(this.dir, {recursive: true, force: true});
    });
  }

  // A server with an append-only file, as the services want one.
  async start(...args) {
    return this.#add(await freePort(), args);
  }

  async #add(port, args) {
    const server = new RedisProcess(path.join(this.dir, String(port)), port, [
      '--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'yes', '--maxmemory-policy', 'noeviction', ...args]);
    this.all.push(server);
    await server.start();
    return server;
  }

  // `primaries` nodes with a replica each, made by redis-cli as its manual says.
  async startCluster(primaries = 3) {
    const nodes = [];
    for (let i = 0; i < primaries * 2; i++) {
      const port = await freePort({below: 50_000, also: (each) => [each + 10_000]});
      nodes.push(await this.#add(port, ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000']));
    }
    await run('redis-cli', ['--cluster', 'create', ...nodes.map(({address}) => address), '--cluster-replicas', '1', '--cluster-yes']);
    for (const node of nodes) {
      await until(async () => (await node.cli('CLUSTER', 'INFO')).includes('cluster_state:ok'), `the cluster as ${node.address} sees it`);
    }
    // A cluster is up before its replicas have anything.
    for (const node of nodes) {
      if (await node.isPrimary()) await until(async () => (await node.cli('INFO', 'replication')).includes('state=online'), `the replica of ${node.address}`);
    }
    return nodes;
  }

  // A Sentinel whose word is enough; `name` is what it calls the primary.
  async startSentinel(name, primary) {
    const port = await freePort();
    const file = path.join(this.dir, 'sentinel.conf');
    writeFileSync(file, [`port ${port}`, 'bind 127.0.0.1', `sentinel monitor ${name} 127.0.0.1 ${primary.port} 1`,
                         `sentinel down-after-milliseconds ${name} 1000`, `sentinel failover-timeout ${name} 5000`, ''].join('\n'));
    const sentinel = new RedisProcess(path.join(this.dir, String(port)), port, [file, '--sentinel']);
    this.all.push(sentinel);
    await sentinel.start();
    return sentinel;
  }
}

class RedisProcess {
  constructor(dir, port, args) {
    Object.assign(this, {dir, port, args});
    this.address = `127.0.0.1:${port}`;
  }

  // Also after kill(), with the files that are there.
  async start() {
    await run('mkdir', ['-p', this.dir]);
    this.process = spawn('redis-server', this.args, {cwd: this.dir, stdio: 'ignore'});
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    await until(() => this.cli('PING').then((answer) => answer === 'PONG', () => false), `Redis at ${this.address}`);
  }

  async kill(signal = 'SIGKILL') {
    this.process.kill(signal);
    await this.ended;
  }

  async cli(...args) {
    const {stdout} = await run('redis-cli', ['-p', String(this.port), ...args], {maxBuffer: 1 << 26});
    return stdout.trim();
  }

  async isPrimary() {
    return this.cli('ROLE').then((answer) => answer.startsWith('master'), () => false);
  }

  // The hash of every shard that this server has: key -> {run, inc, n, pinc, pn, ...}.
  async metas() {
    const metas = new Map();
    for (const key of (await this.cli('KEYS', '*:meta')).split('\n').filter(Boolean)) {
      const words = (await this.cli('HGETALL', key)).split('\n');
      metas.set(key, Object.fromEntries(words.flatMap((word, i) => i % 2 ? [] : [[word, words[i + 1]]])));
    }
    return metas;
  }
}

// Everything that was committed there has reached Postgres.
export async function persisted(servers, shards) {
  await until(async () => {
    const metas = [];
    for (const server of servers) metas.push(...(await server.metas()).values());
    return metas.length === shards && metas.every(({pn, n, pinc, inc}) => pn === n && pinc === inc);
  }, 'persistence to catch up', 60_000);
}
