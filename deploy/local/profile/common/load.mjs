// Load while a mode looks: what --load asks for, unless somebody else already drives the cluster.

import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { TOPGUN, metrics, sum } from './cluster.mjs';
import { fail, note } from './fail.mjs';

const LOOK_MS = 500;
const RUNNING_OPS_PER_S = 50;
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

async function receivedOps(cluster) {
  let total = 0;
  for (const service of cluster.services.filter(({ role }) => role === 'gateway')) {
    total += sum(await metrics(service), 'gateway_ops_total');
  }
  return total;
}

// Operations per second that the gateways receive, over the next `lookMs`.
export async function opsPerSecond(cluster, lookMs = LOOK_MS) {
  const before = await receivedOps(cluster);
  const started = performance.now();
  await sleep(lookMs);
  return ((await receivedOps(cluster)) - before) / ((performance.now() - started) / 1000);
}

// withLoad(cluster, args, seconds, work): work() while load runs. `args` is --load's value or
// undefined; the load is asked to last for `seconds` and ends with the work.
export async function withLoad(cluster, args, seconds, work) {
  const rate = await opsPerSecond(cluster);
  if (rate > RUNNING_OPS_PER_S) {
    if (args !== undefined) note('load runs already; --load starts no second one');
    return work();
  }
  if (args === undefined) {
    note("the cluster is idle: start ./topgun load in another shell, or give --load ''");
    return work();
  }
  const load = startLoad(cluster, args, seconds);
  try {
    await untilItWorks(cluster, load);
    return await work();
  } finally {
    await stopLoad(load);
  }
}

function startLoad(cluster, args, seconds) {
  const words = args.split(/\s+/).filter((word) => word !== '');
  // Room for starting and for whatever follows the measurement.
  if (!words.includes('--duration')) words.push('--duration', `${seconds + 60}s`);
  const command = ['load', '--data', cluster.dir, ...words];
  note(`load: ./topgun ${command.join(' ')}`);
  const child = spawn(TOPGUN, command, { stdio: ['ignore', 'ignore', 'pipe'] });
  const load = { child, words: '', ended: null };
  child.stderr.on('data', (chunk) => {
    load.words = (load.words + chunk).slice(-2000);
  });
  load.exit = new Promise((resolve) => {
    child.once('exit', (code, signal) => {
      load.ended = signal ?? code;
      resolve();
    });
  });
  return load;
}

async function untilItWorks(cluster, load) {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while ((await opsPerSecond(cluster)) < RUNNING_OPS_PER_S) {
    if (load.ended !== null) fail(`the load ended (${load.ended}):\n${load.words.trim()}`);
    if (performance.now() > deadline) fail('the load does not reach the cluster; try ./topgun load');
  }
}

async function stopLoad(load) {
  if (load.ended !== null) return;
  load.child.kill('SIGTERM');
  await Promise.race([load.exit, sleep(STOP_TIMEOUT_MS, undefined, { ref: false })]);
  if (load.ended === null) load.child.kill('SIGKILL');
}
