// One run of one row: a fresh cluster, load, and everything that is measured meanwhile.
import {mkdirSync} from 'node:fs';
import path from 'node:path';

import {Cluster} from './cluster.mjs';
import {EXIT_GENERATOR_WAS_BOTTLENECK, EXIT_OK, ackedOps, startLoadgen} from './loadgen.mjs';
import {Persistence} from './persistence.mjs';
import {residentBytes, reapedMicroseconds} from './processes.mjs';
import {Sampler, cpuNow, cpuSince} from './sampler.mjs';
import {thin} from './statistics.mjs';

const PERSISTED_LIMIT_S = 300;
const SAMPLES_KEPT = 400;

// `point` is one of the row's (rows/): {shape, env, preload, load, metrics}. The result is plain data, see README.md.
export async function runPoint({point, times, dir, signal, onPhase}) {
  mkdirSync(dir, {recursive: true});
  onPhase('starting a cluster');
  const cluster = await Cluster.start(path.join(dir, 'cluster'), point.shape, point.env);
  try {
    signal?.throwIfAborted();
    const persistence = new Persistence(cluster.redisSocket);
    if (point.preload) {
      onPhase('filling it');
      await preload({cluster, persistence, args: point.preload, dir, signal});
    }
    return await measure({point, cluster, persistence, times, dir, signal, onPhase});
  } catch (error) {
    if (!signal?.aborted) error.message += `\n${cluster.lastWords()}`;
    throw error;
  } finally {
    onPhase('stopping the cluster');
    await cluster.stop();
  }
}

async function preload({cluster, persistence, args, dir, signal}) {
  const {exitCode, words} = await startLoadgen({cluster, args, reportFile: path.join(dir, 'preload.json'), signal}).finished;
  if (exitCode !== EXIT_OK) throw new Error(`filling the cluster failed:\n${words}`);
  if (await persistence.wait(PERSISTED_LIMIT_S, signal) === null) throw new Error('what was filled in did not reach Postgres');
}

async function measure(run) {
  const sampler = new Sampler({persistence: run.persistence, metrics: run.point.metrics});
  try {
    return await measureWith(sampler, run);
  } finally {
    sampler.stop();
  }
}

async function measureWith(sampler, {point, cluster, persistence, times, dir, signal, onPhase}) {
  const {processes} = cluster;
  const residentBefore = resident(processes);
  const before = {cpu: cpuNow(processes), reaped: reapedMicroseconds(), feed: await persistence.read()};
  onPhase('load');
  const loadgen = startLoadgen({cluster, args: point.load(times), reportFile: path.join(dir, 'loadgen.json'), signal});
  await sampler.start([...processes, {name: 'loadgen', pid: loadgen.pid, ports: {}}]);
  const outcome = await loadgen.finished;
  const loaded = cpuSince(before.cpu, cpuNow(processes));
  const generatorUs = reapedMicroseconds() - before.reaped;
  onPhase('waiting for Postgres');
  const persistedAfter = await persistence.wait(PERSISTED_LIMIT_S, signal);
  const whole = cpuSince(before.cpu, cpuNow(processes));
  sampler.stop();
  await sampler.sample();
  const feedBytes = (await persistence.read()).bytes - before.feed.bytes;
  const problems = await findProblems({outcome, cluster, persistedAfter});
  return {
    valid: outcome.exitCode !== EXIT_GENERATOR_WAS_BOTTLENECK,
    problems,
    ops: ackedOps(outcome.report),
    loadSeconds: loaded.seconds,
    // From before the first connection until the last change was in Postgres.
    cpuUs: {...whole.processes, loadgen: generatorUs},
    busyCores: sum([...Object.values(loaded.processes), generatorUs]) / 1e6 / loaded.seconds,
    foreignCores: Math.max(0, loaded.busySeconds - sum([...Object.values(loaded.processes), generatorUs]) / 1e6) / loaded.seconds,
    stolenCores: loaded.stolenSeconds / loaded.seconds,
    persistedAfterSeconds: persistedAfter,
    feedBytes,
    residentBefore,
    residentAfter: resident(processes),
    series: thin(sampler.columns, SAMPLES_KEPT),
    gauges: sampler.gauges,
    loadgen: outcome.report,
  };
}

async function findProblems({outcome, cluster, persistedAfter}) {
  const problems = [];
  if (outcome.exitCode !== EXIT_OK && outcome.exitCode !== EXIT_GENERATOR_WAS_BOTTLENECK) {
    problems.push(`topgun-loadgen ended with ${outcome.exitCode}: ${outcome.report.problems.join('; ') || outcome.words}`);
  }
  if (persistedAfter === null) problems.push(`not everything was in Postgres ${PERSISTED_LIMIT_S} s after the load`);
  const restarted = await cluster.restarted();
  if (restarted.length > 0) problems.push(`restarted meanwhile: ${restarted.join(', ')}`);
  return problems;
}

function resident(processes) {
  return Object.fromEntries(processes.map(({name, pid}) => [name, residentBytes(pid)]));
}

function sum(values) {
  return values.reduce((total, value) => total + value, 0);
}
