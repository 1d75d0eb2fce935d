// A service of ours started by the test itself, beside the processes of a cluster: with its own settings and signals.
import {spawn} from 'node:child_process';
import {createHmac} from 'node:crypto';
import net from 'node:net';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

import {until} from './client.mjs';

const bin = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../build/release/bin');
export const program = (name) => path.join(bin, name);

// A port that was free a moment ago.
export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const {port} = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// A client's token (HS256) that is valid for an hour.
export function sign(secret, claims) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const input = `${encode({alg: 'HS256', typ: 'JWT'})}.${encode({roles: [], iat: now, exp: now + 3600, ...claims})}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

export class Service {
  // Resolves once it is ready. Ends with the test. `before`: words of a command that runs it in its place.
  static async start(t, name, args, {before = []} = {}) {
    const adminPort = await freePort();
    const service = new Service(adminPort, [...before, program(name), ...args, `--admin=127.0.0.1:${adminPort}`]);
    t.after(() => service.stop());
    await service.ready();
    return service;
  }

  constructor(adminPort, [command, ...args]) {
    this.admin = `http://127.0.0.1:${adminPort}`;
    this.output = '';
    this.child = spawn(command, args, {stdio: ['ignore', 'pipe', 'pipe'], env: {PATH: process.env.PATH}});
    this.ended = new Promise((resolve) => this.child.once('exit', resolve));
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (data) => this.output += data);
  }

  async ready() {
    await until(async () => {
      if (this.child.exitCode !== null) throw new Error(`it ended with ${this.child.exitCode}:\n${this.output}`);
      return (await fetch(`${this.admin}/readyz`).catch(() => ({}))).status === 200;
    }, 'the readiness of a service');
  }

  // Of a gateway: where clients connect.
  get url() {
    return `ws://127.0.0.1:${this.output.match(/^PORT=(\d+)$/m)[1]}/ws`;
  }

  // The value of one series of /metrics, 0 when it is not there.
  async metric(series) {
    const text = await (await fetch(`${this.admin}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return line ? Number(line.slice(series.length + 1)) : 0;
  }

  // The sum of all series of a name, 0 when there is none.
  async total(name) {
    const text = await (await fetch(`${this.admin}/metrics`)).text();
    const values = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
    return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  signal(signal) {
    this.child.kill(signal);
  }

  async stop() {
    this.signal('SIGTERM');
    await this.ended;
  }
}
