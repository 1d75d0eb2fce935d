// topgun-loadgen beside a test: started against all gateways of a cluster, stopped or waited for, and what it reports; its agents.
import {spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

const program = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../build/release/bin/topgun-loadgen');

// With the secret that tokens for this cluster are made from.
const environmentFor = (cluster) => ({...cluster.env, JWT_SECRET: readFileSync(path.join(cluster.dir, 'run/secret'), 'utf8').trim()});

// Resolves to an agent, which ends with the test, and its address once it waits for runs.
export async function startAgent(t, cluster) {
  const agent = spawn(program, ['agent', '--listen', '127.0.0.1:0'], {env: environmentFor(cluster), stdio: ['ignore', 'ignore', 'pipe']});
  t.after(() => agent.kill('SIGKILL'));
  let text = '';
  for await (const chunk of agent.stderr) {
    text += chunk;
    const port = /on port (\d+)/.exec(text)?.[1];
    if (port) return {agent, address: `127.0.0.1:${port}`};
  }
  throw new Error(`no agent: ${text}`);
}

export class Loadgen {
  static async start(t, cluster, ...args) {
    const dir = mkdtempSync('/tmp/topgun-loadgen.');
    const env = environmentFor(cluster);
    const urls = (await cluster.urls()).flatMap((url) => ['--url', url]);
    const loadgen = new Loadgen(path.join(dir, 'report.json'), env, [...urls, ...args]);
    t.after(() => {
      loadgen.signal('SIGKILL');
      rmSync(dir, {recursive: true, force: true});
    });
    return loadgen;
  }

  constructor(reportFile, env, args) {
    this.reportFile = reportFile;
    this.text = '';
    this.process = spawn(program, ['--quiet', '--json', reportFile, ...args], {env, stdio: ['ignore', 'pipe', 'pipe']});
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (data) => this.text += data);
    this.ended = new Promise((resolve) => this.process.once('close', (code, signal) => {
      this.running = false;
      resolve(code ?? signal);
    }));
    this.running = true;
  }

  signal(signal) {
    if (this.running) this.process.kill(signal);
  }

  // Its report once it has ended, with `exit_code`. SIGINT ends a measurement early.
  async report(signal) {
    if (signal) this.signal(signal);
    const code = await this.ended;
    try {
      return JSON.parse(readFileSync(this.reportFile, 'utf8'));
    } catch (error) {
      throw new Error(`no report of the load generator, which ended with ${code}: ${this.text}`, {cause: error});
    }
  }
}
