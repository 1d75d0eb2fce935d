// A private cluster for one test, started and stopped with the entry script as a user would.
import {execFile, execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync, chmodSync, readFileSync, readdirSync, existsSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

import {until} from './client.mjs';

const run = promisify(execFile);
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const topgun = path.join(root, 'topgun');

export class Cluster {
  // `redis`, `postgres`: address and connection string of those that the test runs itself. `shards`: if not as many as `up` makes by default.
  static async start(t, {gateways = 2, sync = 2, storage = 2, port = 0, tls = false, prometheus = false, redis, postgres, shards, env = {}} = {}) {
    const dir = mkdtempSync('/tmp/topgun-e2e.');
    chmodSync(dir, 0o755);
    if (shards) writeFileSync(path.join(dir, 'shards'), `${shards}\n`);
    const options = {gateways, sync, storage, port, tls, prometheus, ...(redis && {redis}), ...(postgres && {postgres})};
    const cluster = new Cluster(dir, options, {...process.env, ...env});
    t.after(() => cluster.stop(t));
    await cluster.up();
    return cluster;
  }

  constructor(dir, options, env) {
    Object.assign(this, {dir, options, env});
  }

  // Also after `down`, with the data that is there.
  async up() {
    const options = Object.entries(this.options).filter(([, value]) => value !== false)
                        .flatMap(([name, value]) => value === true ? [`--${name}`] : [`--${name}`, String(value)]);
    await this.topgun('up', '--detach', '--no-build', ...options);
    this.token = (await this.topgun('token', '--sub', 'e2e')).trim();
  }

  down() {
    return this.topgun('down');
  }

  async topgun(verb, ...args) {
    const {stdout} = await run(topgun, [verb, '--data', this.dir, ...args], {env: this.env, maxBuffer: 1 << 26});
    return stdout;
  }

  async stop(t) {
    if (t?.passed === false || process.env.TOPGUN_KEEP_LOGS) this.printLogs();
    await this.down().catch(() => {});
    rmSync(this.dir, {recursive: true, force: true});
  }

  printLogs() {
    const logs = path.join(this.dir, 'log');
    if (!existsSync(logs)) return;
    for (const name of readdirSync(logs)) {
      const lines = readFileSync(path.join(logs, name), 'utf8').trim().split('\n');
      console.error(`--- ${name}\n${lines.slice(-15).join('\n')}`);
    }
  }

  async ps() {
    return JSON.parse(await this.topgun('ps', '--json'));
  }

  async urls() {
    const scheme = this.options.tls ? 'wss' : 'ws';
    return (await this.ps()).filter(({role}) => role === 'gateway').map(({ports}) => `${scheme}://127.0.0.1:${ports.ws}/ws`);
  }

  async processes(...roles) {
    return (await this.ps()).filter(({role}) => roles.includes(role));
  }

  // Signals the process; with SIGKILL the supervisor starts it again.
  async signal(name, signal = 'SIGKILL') {
    const process_ = (await this.ps()).find((each) => each.name === name);
    if (!process_?.pid) return;
    try {
      process.kill(process_.pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }

  // Signals the process and its children: Postgres works in backends of its own.
  async signalFamily(name, signal) {
    const {pid} = (await this.ps()).find((each) => each.name === name);
    process.kill(pid, signal);
    const {stdout} = await run('pgrep', ['-P', String(pid)]).catch(() => ({stdout: ''}));
    for (const child of stdout.split('\n').filter(Boolean)) {
      try {
        process.kill(Number(child), signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error;
      }
    }
  }

  async metric(name, pattern) {
    const process_ = (await this.ps()).find((each) => each.name === name);
    const response = await fetch(`http://127.0.0.1:${process_.ports.admin}/metrics`);
    let sum = 0;
    for (const line of (await response.text()).split('\n')) {
      if (!line.startsWith('#') && pattern.test(line)) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
    return sum;
  }

  get redisSocket() {
    return this.find('redis.sock');
  }

  // The path of a file or socket below the cluster's folder.
  find(name) {
    const found = execFileSync('find', [this.dir, '-name', name], {encoding: 'utf8'}).trim().split('\n')[0];
    if (!found) throw new Error(`no ${name} in ${this.dir}`);
    return found;
  }

  redis(...args) {
    return execFileSync('redis-cli', ['-s', this.redisSocket, '--json', ...args], {encoding: 'utf8', maxBuffer: 1 << 28});
  }

  // Rows of a query as arrays of text.
  psql(sql) {
    const socketDir = path.dirname(this.find('.s.PGSQL.*[0-9]'));
    const out = execFileSync('psql', ['-X', '-A', '-t', '-F', '\t', '-h', socketDir, '-U', 'topgun', '-d', 'topgun', '-c', sql],
                             {encoding: 'utf8', maxBuffer: 1 << 28});
    return out.split('\n').filter(Boolean).map((line) => line.split('\t'));
  }

  // Everything that was committed in Redis has reached Postgres.
  async persisted() {
    const tags = JSON.parse(this.redis('KEYS', '*:meta'));
    await until(() => tags.every((key) => {
      const meta = JSON.parse(this.redis('HGETALL', key));
      return meta.pn === meta.n && meta.pinc === meta.inc;
    }), 'persistence to catch up', 120_000);
  }
}
