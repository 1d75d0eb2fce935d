// Runs the pods of rendered objects as processes of this machine. Every port of a container becomes a free
// one on 127.0.0.1, and the addresses in variables, arguments and files follow.
import {execFileSync, spawn} from 'node:child_process';
import {chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';

import {REPOSITORY} from './kustomize.mjs';
import {environmentOf, podsOf} from './objects.mjs';
import {makeMounts, movedPaths, renderedFiles} from './sandbox.mjs';

const BIN = process.env.TOPGUN_BIN ?? path.join(REPOSITORY, 'build/release/bin');
const POSTGRES = '/usr/lib/postgresql/15/bin';
// PostgreSQL refuses to run as root.
const AS_POSTGRES = process.getuid() === 0
  ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--init-groups', '--'] : [];
const READY_MS = 60_000;
const STOP_MS = 20_000;

export class Machine {
  #processes = new Map();  // name: {child, ended, log}

  // `launch(program, files)`: how a program of ours is started, as a command that its arguments are appended
  // to; `files` is the folder with what its pod mounts.
  static async create(objects, launch = (program) => [path.join(BIN, program)]) {
    const machine = new Machine();
    machine.objects = objects;
    machine.launch = launch;
    machine.pods = new Map(podsOf(machine.objects).map((pod) => [pod.name, pod]));
    machine.root = mkdtempSync(path.join(os.tmpdir(), 'topgun-pods-'));
    chmodSync(machine.root, 0o755);
    machine.ports = new Map();  // 'topgun-sync:9000': a free port
    for (const pod of machine.pods.values()) {
      for (const {containerPort} of pod.spec.containers[0].ports ?? []) {
        machine.ports.set(`${pod.name}:${containerPort}`, await freePort());
      }
    }
    return machine;
  }

  // What a pod says, with this machine's paths and addresses.
  #here(text, pod, container) {
    return movedPaths(text, container, path.join(this.root, pod.name))
        .replace(/(?:0\.0\.0\.0|\*):(\d+)/g, (all, port) => `127.0.0.1:${this.ports.get(`${pod.name}:${port}`)}`)
        .replace(/host=(\S+) port=(\d+)/g, (all, name, port) => `host=127.0.0.1 port=${this.ports.get(`${name}:${port}`)}`)
        // A pod's own name, a Service, or a Service of admin ports, which has their default.
        .replace(/(?:[\w-]+\.)?(topgun-[a-z]+)(?:\.[\w-]+\.svc)?:(\d+)/g,
                 (all, name, port) => `127.0.0.1:${this.ports.get(`${name}:${port}`)}`)
        .replace(/(topgun-[a-z]+)-admin\b/g, (all, name) => `127.0.0.1:${this.ports.get(`${name}:9090`)}`);
  }

  #prepare(name) {
    const pod = this.pods.get(name);
    const [container] = pod.spec.containers;
    makeMounts(container, pod, path.join(this.root, name), renderedFiles(this.objects));
    const environment = Object.entries(environmentOf(container, this.objects));
    return {
      pod,
      root: path.join(this.root, name),
      program: container.image.split('/').at(-1).split(':')[0],
      args: (container.args ?? []).map((arg) => this.#here(arg, pod, container)),
      env: Object.fromEntries(environment.map(([key, value]) => [key, this.#here(value, pod, container)])),
    };
  }

  async start(name) {
    const prepared = this.#prepare(name);
    const [command, env] = name === 'topgun-redis' ? [this.#redis(prepared), process.env]
      : name === 'topgun-postgres' ? [this.#postgres(prepared), process.env]
      : [this.#command(prepared), prepared.env];
    const child = spawn(command[0], command.slice(1), {env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe']});
    this.#processes.set(name, follow(child));
    if (name === 'topgun-postgres') await this.#makeDatabase();
  }

  #command = ({program, args, root}) => [...this.launch(program, root), ...args];

  // The component's own script and settings; its port is written into the settings.
  #redis({root}) {
    const move = (text) => movedPaths(text, this.pods.get('topgun-redis').spec.containers[0], root);
    const [conf, script] = ['redis.conf', 'start.sh'].map((file) => path.join(root, 'etc/topgun', file));
    writeFileSync(conf, `${move(readFileSync(conf, 'utf8'))}\nport ${this.ports.get('topgun-redis:6379')}\n`);
    writeFileSync(script, move(readFileSync(script, 'utf8')));
    return ['sh', script];
  }

  // What the image's entry point does with the variables of the pod.
  #postgres({root, env}) {
    const conf = path.join(root, 'etc/topgun/postgresql.conf');
    execFileSync('chown', ['-R', AS_POSTGRES.length > 0 ? 'postgres' : String(process.getuid()), root]);
    writeFileSync(conf, readFileSync(conf, 'utf8').replaceAll('/var/run/postgresql', `${root}/var/run/postgresql`));
    const [initdb, ...args] = [...AS_POSTGRES, `${POSTGRES}/initdb`, `--pgdata=${env.PGDATA}`, `--username=${env.POSTGRES_USER}`,
      `--pwfile=${env.POSTGRES_PASSWORD_FILE}`, '--auth-local=trust', ...env.POSTGRES_INITDB_ARGS.split(' ')];
    execFileSync(initdb, args, {cwd: '/', stdio: ['ignore', 'ignore', 'inherit']});
    return [...AS_POSTGRES, `${POSTGRES}/postgres`, '-D', env.PGDATA, '-c', `config_file=${conf}`,
      '-c', `port=${this.ports.get('topgun-postgres:5432')}`];
  }

  async #makeDatabase() {
    const connection = ['-h', path.join(this.root, 'topgun-postgres/var/run/postgresql'), '-p',
      String(this.ports.get('topgun-postgres:5432')), '-U', 'topgun'];
    await this.#until('PostgreSQL accepts connections', 'topgun-postgres', () => {
      try {
        execFileSync(`${POSTGRES}/createdb`, [...connection, 'topgun'], {stdio: 'pipe'});
        return true;
      } catch (error) {
        return String(error.stderr).includes('already exists');
      }
    });
  }

  // Runs a Job's container to its end.
  async run(name) {
    const prepared = this.#prepare(name);
    const [program, ...args] = this.#command(prepared);
    const child = spawn(program, args, {env: prepared.env, cwd: '/', stdio: ['ignore', 'pipe', 'pipe']});
    const job = follow(child);
    const code = await job.ended;
    return {code, output: job.log};
  }

  runs = (name) => this.#processes.get(name).child.exitCode === null;
  pidOf = (name) => this.#processes.get(name).child.pid;
  endOf = (name) => this.#processes.get(name).ended;
  logOf = (name) => `${name} has ended:\n${this.#processes.get(name).log}`;

  // What kubelet would get, {status, body}; a gRPC port is asked whether it accepts connections.
  async probe(name, kind) {
    const [container] = this.pods.get(name).spec.containers;
    const {httpGet, grpc} = container[kind];
    const portOf = (port) => this.ports.get(`${name}:${container.ports.find((each) => each.name === port)?.containerPort ?? port}`);
    if (grpc) return {status: await accepts(portOf(grpc.port)) ? 200 : 503, body: ''};
    try {
      const response = await fetch(`http://127.0.0.1:${portOf(httpGet.port)}${httpGet.path}`);
      return {status: response.status, body: await response.text()};
    } catch {
      return {status: 503, body: ''};
    }
  }

  // Until a pod's readiness probe has status 200 and a body like that.
  untilReady(name, body = /(?:)/) {
    return this.#until(`${name} is ready, ${body}`, name, async () => {
      const answer = await this.probe(name, 'readinessProbe');
      return answer.status === 200 && body.test(answer.body);
    });
  }

  async #until(what, name, condition) {
    const deadline = Date.now() + READY_MS;
    while (!await condition()) {
      if (!this.runs(name)) throw new Error(this.logOf(name));
      if (Date.now() > deadline) throw new Error(`not in time: ${what}\n${this.#processes.get(name).log}`);
      await pause(100);
    }
  }

  async kill(name, signal = 'SIGKILL') {
    const {child, ended} = this.#processes.get(name);
    child.kill(signal);
    await ended;
  }

  // Services are killed: some would wait for stores that are gone. SIGINT makes PostgreSQL end its sessions.
  async stop() {
    for (const [name, {child}] of this.#processes) child.kill(name === 'topgun-postgres' ? 'SIGINT' : 'SIGKILL');
    const all = Promise.all([...this.#processes.values()].map(({ended}) => ended));
    await Promise.race([all, pause(STOP_MS, undefined, {ref: false})]);
    for (const {child} of this.#processes.values()) child.kill('SIGKILL');
    await all;
    rmSync(this.root, {recursive: true, force: true});
  }
}

// A process, with what it says and the promise of its exit code.
function follow(child) {
  const followed = {child, log: ''};
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { followed.log += text; });
  followed.ended = new Promise((resolve) => {
    child.on('close', resolve);
    child.on('error', (error) => {
      followed.log += `${error.message}; ./topgun build makes the programs`;
      resolve(undefined);
    });
  });
  return followed;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const {port} = server.address();
      server.close(() => resolve(port));
    });
  });
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}
