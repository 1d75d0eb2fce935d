// The running cluster as the modes see it: its processes and their admin ports.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { fail } from './fail.mjs';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../..');
export const TOPGUN = path.join(ROOT, 'topgun');
export const DEFAULT_DATA_DIR = path.join(ROOT, '.topgun');
const SERVICES = ['gateway', 'sync', 'storage'];
const ANSWER_TIMEOUT_MS = 5_000;

// readCluster(dir): { dir, processes, services }, both [{ role, name, pid, ports, up, admin }] with
// `admin` like http://127.0.0.1:9090; services are those processes that have our admin port.
export function readCluster(dir) {
  const ps = spawnSync(TOPGUN, ['ps', '--json', '--data', dir], { encoding: 'utf8' });
  if (ps.status !== 0) fail(`./topgun ps failed: ${(ps.stderr || String(ps.error)).trim()}`);
  const processes = JSON.parse(ps.stdout);
  const running = processes.filter((process) => process.pid !== null);
  if (running.length === 0 || !existsSync(path.join(dir, 'run', 'ready'))) {
    fail(`no cluster is ready on ${dir}; start one with ./topgun up, or name its folder with --data`);
  }
  for (const process of running) process.admin = `http://127.0.0.1:${process.ports.admin}`;
  const services = running.filter((process) => SERVICES.includes(process.role));
  return { dir, processes: running, services };
}

// select(cluster, 'gateway,sync-1' or 'all'): the services meant, in the order of the cluster.
export function select(cluster, which) {
  const wanted = which.split(',');
  const known = new Set([...SERVICES, 'all', ...cluster.services.map((service) => service.name)]);
  for (const one of wanted) {
    if (!known.has(one)) {
      fail(`no process '${one}'; there are ${[...known].join(', ')} (./topgun ps shows them)`);
    }
  }
  return cluster.services.filter(
    ({ role, name }) => wanted.includes('all') || wanted.includes(role) || wanted.includes(name),
  );
}

// get(service, '/metrics'): the Response of its admin port, whatever its status.
export async function get(service, target, { timeoutMs = ANSWER_TIMEOUT_MS, ...init } = {}) {
  try {
    return await fetch(service.admin + target, { ...init, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const reason = error.cause?.message ?? error.message;
    return fail(`${service.name} does not answer on ${service.admin}${target}: ${reason}`);
  }
}

// metrics(service): its samples as a Map from 'name{labels}', as it printed them, to numbers.
export async function metrics(service) {
  const response = await get(service, '/metrics');
  const samples = new Map();
  for (const line of (await response.text()).split('\n')) {
    const space = line.lastIndexOf(' ');
    if (line.startsWith('#') || space < 0) continue;
    samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}

// sum(samples, 'name'): over all its labels.
export function sum(samples, name) {
  let total = 0;
  for (const [key, value] of samples) {
    if (key === name || key.startsWith(`${name}{`)) total += value;
  }
  return total;
}
