// deploy/local/topgun-server as a test harness runs a TopGun server (core.md 2.10): a process group of its own that prints PORT=<n>.
// Every server of a test has its temporary files below one folder, so that nothing of it is missed or met by another test.
import {spawn} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync, chmodSync, existsSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

import {until} from './client.mjs';

const program = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../deploy/local/topgun-server');
const READY_MS = 60_000;

// The folder of one test's servers; at its end everything must be gone.
export class Sandbox {
  constructor(t) {
    this.dir = mkdtempSync('/tmp/topgun-server-e2e.');
    chmodSync(this.dir, 0o755);
    this.servers = [];
    t.after(async () => {
      if (t.passed === false) this.servers.forEach((server) => console.error(`--- ${server.name}\n${server.lastWords()}`));
      for (const server of this.servers) server.signal('SIGKILL');
      await until(() => this.processes().length === 0, 'the end of all processes').catch(() => this.processes().forEach(kill));
      rmSync(this.dir, {recursive: true, force: true});
    });
  }

  // Starts a server and resolves once it accepts connections.
  async start(name, args, env = {}) {
    const server = new Server(name, args, {...process.env, TMPDIR: this.dir, ...env});
    this.servers.push(server);
    await server.ready();
    return server;
  }

  // Processes that have the folder in their command line or were told it in their environment.
  processes() {
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid).map(Number).filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').length > 0 &&
            ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(this.dir));
      } catch {
        return false;  // has ended, or belongs to somebody else
      }
    });
  }

  // Folders of servers and of what they share.
  folders() {
    return readdirSync(this.dir).filter((name) => name.startsWith('topgun-server.')).map((name) => path.join(this.dir, name));
  }

  // The process that runs what the servers of a cluster share.
  keeperPid() {
    const file = this.folders().map((dir) => path.join(dir, 'run/supervisor.pid'))
        .find((each) => existsSync(each) && existsSync(path.join(path.dirname(each), 'members')));
    return file && Number(readFileSync(file, 'utf8'));
  }
}

class Server {
  constructor(name, args, env) {
    this.name = name;
    this.stdout = '';
    this.stderr = '';
    this.process = spawn(program, args, {env, detached: true, stdio: ['ignore', 'pipe', 'pipe']});
    this.process.stdout.on('data', (data) => this.stdout += data);
    this.process.stderr.on('data', (data) => this.stderr += data);
    this.ended = new Promise((resolve) => this.process.once('exit', (code, signal) => {
      this.running = false;
      resolve(code ?? signal);
    }));
    this.running = true;
  }

  async ready() {
    await until(() => this.port || !this.running, `${this.name} to print its port`, READY_MS);
    if (!this.port) throw new Error(`${this.name} ended before it was ready: ${this.lastWords()}`);
  }

  get port() {
    return Number(/^PORT=(\d+)$/m.exec(this.stdout)?.[1] ?? 0);
  }

  get url() {
    return `ws://localhost:${this.port}/ws`;
  }

  // To the whole process group, as a harness does.
  signal(signal) {
    if (this.running) kill(-this.process.pid, signal);
  }

  // Resolves with the exit code.
  async stop(signal = 'SIGTERM') {
    this.signal(signal);
    return this.ended;
  }

  lastWords() {
    return this.stderr.trim().split('\n').slice(-20).join('\n');
  }
}

function kill(pid, signal = 'SIGKILL') {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
