// A private cluster of the programs in build/release, started and stopped with the entry script.
import {execFile} from 'node:child_process';
import {existsSync, readFileSync, readdirSync, realpathSync, rmSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';

const run = promisify(execFile);
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const topgun = path.join(root, 'topgun');
const LAST_LINES = 5;

export class Cluster {
  // `shape`: how many of each service. Whatever was in `dir` is gone.
  static async start(dir, {gateways = 1, sync = 1, storage = 1} = {}, env = {}) {
    const cluster = new Cluster(dir);
    cluster.remove();
    const options = Object.entries({gateways, sync, storage, port: 0}).flatMap(([name, value]) => [`--${name}`, String(value)]);
    try {
      await cluster.topgun(['up', '--detach', '--no-build', ...options], env);
      cluster.processes = JSON.parse(await cluster.topgun(['ps', '--json']));
    } catch (error) {
      await cluster.stop();
      throw new Error(`the cluster did not start: ${(error.stderr ?? error.message).trim()}`);
    }
    return cluster;
  }

  constructor(dir) {
    this.dir = dir;
  }

  // In a process group of its own: Ctrl-C reaches the suite only, which then stops the cluster in order.
  async topgun([verb, ...args], env = {}) {
    const {stdout} = await run('setsid', ['--wait', topgun, verb, '--data', this.dir, ...args], {env: {...process.env, ...env}, maxBuffer: 1 << 24});
    return stdout;
  }

  get urls() {
    return this.processes.filter(({role}) => role === 'gateway').map(({ports}) => `ws://127.0.0.1:${ports.ws}/ws`);
  }

  get secretFile() {
    return path.join(this.dir, 'run/secret');
  }

  get redisSocket() {
    return path.join(this.dir, 'run/redis.sock');
  }

  // Names of processes that were replaced since the start: such a run measured something else.
  async restarted() {
    const now = JSON.parse(await this.topgun(['ps', '--json']));
    return this.processes.filter(({name, pid}) => now.find((each) => each.name === name)?.pid !== pid).map(({name}) => name);
  }

  lastWords() {
    const logs = path.join(this.dir, 'log');
    if (!existsSync(logs)) return '';
    return readdirSync(logs).map((name) => {
      const lines = readFileSync(path.join(logs, name), 'utf8').trim().split('\n').slice(-LAST_LINES);
      return [`--- ${name}`, ...lines].join('\n');
    }).join('\n');
  }

  async stop() {
    await this.topgun(['down']).catch((error) => process.stderr.write(`bench: ${error.stderr ?? error.message}\n`));
    this.remove();
  }

  // Postgres may keep its data elsewhere, behind a link (stores.sh).
  remove() {
    const data = path.join(this.dir, 'postgres');
    if (existsSync(data)) rmSync(realpathSync(data), {recursive: true, force: true});
    rmSync(this.dir, {recursive: true, force: true});
  }
}
