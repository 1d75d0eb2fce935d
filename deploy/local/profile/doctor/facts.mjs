// The facts that the rules judge: two looks at everything, some seconds apart, and what changed.
// A plain object, so that it can be kept as JSON and judged again.

import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { busiest, idleCores, threadTimes } from '../bubble/cpu.mjs';
import { delta, histogram, total } from '../common/histograms.mjs';
import { readMachine, readProcess } from './proc.mjs';
import { readPostgres } from './postgres.mjs';
import { readRedis } from './redis.mjs';

const SCRAPE_TIMEOUT_MS = 3_000;
const LOOKS = 8; // at gauges, so that growth is told from a peak

async function scrape(service) {
  try {
    const signal = AbortSignal.timeout(SCRAPE_TIMEOUT_MS);
    const [text, ready] = await Promise.all([
      fetch(`${service.admin}/metrics`, { signal }).then((response) => response.text()),
      fetch(`${service.admin}/readyz`, { signal }),
    ]);
    return { samples: parse(text, service.name), ready: ready.ok, reason: (await ready.text()).trim() };
  } catch (error) {
    return { samples: new Map(), ready: false, reason: error.cause?.message ?? error.message };
  }
}

// Every series gets its process as a label, so that those of several can be put together.
function parse(text, name) {
  const samples = new Map();
  for (const line of text.split('\n')) {
    const space = line.lastIndexOf(' ');
    if (line.startsWith('#') || space < 0) continue;
    const key = line.slice(0, space);
    const brace = key.indexOf('{');
    const labelled =
      brace < 0
        ? `${key}{process="${name}"}`
        : `${key.slice(0, brace)}{process="${name}",${key.slice(brace + 1)}`;
    samples.set(labelled, Number(line.slice(space + 1)));
  }
  return samples;
}

async function look(cluster) {
  const [scrapes, redis, postgres] = await Promise.all([
    Promise.all(cluster.services.map(scrape)),
    readRedis(cluster.dir),
    readPostgres(cluster.dir),
  ]);
  return {
    at: performance.now(),
    samples: new Map(scrapes.flatMap(({ samples }) => [...samples])),
    readiness: scrapes.map(({ ready, reason }, i) => ({ name: cluster.services[i].name, ready, reason })),
    redis,
    postgres,
    cpu: threadTimes(cluster),
    machine: readMachine(),
    processes: new Map(cluster.processes.map(({ name, pid }) => [name, readProcess(pid)])),
  };
}

const GAUGES = {
  syncQueueBytes: 'sync_queue_bytes',
  gatewayInflightBytes: 'gateway_inflight_bytes',
  gatewayOutboundBytes: 'gateway_outbound_bytes',
  storageUnflushedBytes: 'storage_unflushed_bytes',
  flushLagS: 'storage_flush_lag_seconds',
};

async function lookAtGauges(cluster, series) {
  const scrapes = await Promise.all(cluster.services.map(scrape));
  const samples = new Map(scrapes.flatMap(({ samples: own }) => [...own]));
  for (const [key, name] of Object.entries(GAUGES)) series[key].push(total(samples, name));
}

// gather(cluster, seconds): the facts.
export async function gather(cluster, seconds) {
  const series = Object.fromEntries(Object.keys(GAUGES).map((key) => [key, []]));
  const before = await look(cluster);
  for (let i = 1; i <= LOOKS; ++i) {
    const due = before.at + (seconds * 1000 * i) / LOOKS;
    await sleep(Math.max(0, due - performance.now()));
    await lookAtGauges(cluster, series);
  }
  return factsOf(cluster, before, await look(cluster), series);
}

function factsOf(cluster, before, after, series) {
  const seconds = (after.at - before.at) / 1000;
  const [from, to] = [before.samples, after.samples];
  const rate = (name, labels) => Math.max(0, delta(from, to, name, labels)) / seconds;
  const seen = (name) => histogram(from, to, name);
  return {
    seconds,
    cores: cpus().length,
    idleCores: idleCores(before.cpu, after.cpu, seconds),
    stealCores: (after.cpu.steal - before.cpu.steal) / seconds,
    threads: busiest(before.cpu, after.cpu, seconds),
    machine: after.machine,
    processes: processesOf(cluster, before, after, seconds),
    readiness: after.readiness,
    gauges: series,
    gateway: {
      opsPerS: rate('gateway_ops_total'),
      ack: seen('gateway_ack_seconds'),
      part: seen('gateway_part_seconds'),
      laneWait: seen('gateway_lane_wait_seconds'),
      partOps: seen('gateway_part_ops'),
      loopLag: seen('gateway_loop_lag_seconds'),
      connections: total(to, 'gateway_connections'),
      refused429PerS: rate('gateway_errors_total', { code: '429' }),
      slowConsumers: delta(from, to, 'gateway_slow_consumer_closed_total'),
      overloadCloses: delta(from, to, 'gateway_closes_total', { reason: 'overload' }),
      retriedParts: delta(from, to, 'gateway_parts_retried_total'),
      gaps: delta(from, to, 'gateway_watch_gaps_total'),
      heals: delta(from, to, 'gateway_heals_total'),
      timeouts: delta(from, to, 'gateway_op_timeouts_total'),
      coalescedPushes: delta(from, to, 'gateway_pushes_coalesced_total'),
    },
    sync: {
      commit: seen('sync_commit_seconds'),
      merge: seen('sync_merge_seconds'),
      partWait: seen('sync_part_wait_seconds'),
      commitOps: seen('sync_commit_ops'),
      commitCells: seen('sync_commit_cells'),
      loopLag: seen('sync_loop_lag_seconds'),
      commitsPerS: rate('sync_commits_total', { code: 'committed' }),
      conflictsPerS: rate('sync_commits_total', { code: 'conflict' }),
      overloadedPerS: rate('sync_commits_total', { code: 'overloaded' }),
      refusedPartsPerS: rate('sync_parts_refused_total'),
      cacheHitsPerS: rate('sync_cache_hits_total'),
      cacheMissesPerS: rate('sync_cache_misses_total'),
      clampsPerS: rate('sync_merge_clocks_clamped_total'),
      mergedPerS: rate('sync_merge_ops_total'),
      feedGaps: delta(from, to, 'sync_feed_gaps_total'),
      watchOverflows: delta(from, to, 'sync_watch_overflows_total'),
      openFailures: delta(from, to, 'sync_shard_open_failures_total'),
    },
    storage: {
      flush: seen('storage_flush_seconds'),
      flushRows: seen('storage_flush_rows'),
      loopLag: seen('storage_loop_lag_seconds'),
      rowsPerS: rate('storage_rows_written_total'),
      flushFailures: delta(from, to, 'storage_flush_failures_total'),
      reconnects:
        delta(from, to, 'storage_postgres_reconnects_total') +
        delta(from, to, 'storage_redis_reconnects_total'),
      feedGaps: delta(from, to, 'storage_feed_gaps_total'),
    },
    redis: redisOf(before.redis, after.redis, seconds),
    postgres: postgresOf(before.postgres, after.postgres, seconds),
  };
}

function processesOf(cluster, before, after, seconds) {
  return cluster.processes.map(({ name, role, pid, up }) => {
    const [from, to] = [before.processes.get(name), after.processes.get(name)];
    const perS = (kind) => (to.switches[kind] - from.switches[kind]) / seconds;
    return {
      name,
      role,
      pid,
      up,
      threads: to.threads,
      fds: to.fds,
      fdsMax: to.fdsMax,
      rssBytes: to.rssBytes,
      rssGrowthBytesPerS: (to.rssBytes - from.rssBytes) / seconds,
      switchesPerS: perS('voluntary') + perS('forced'),
    };
  });
}

function redisOf(before, after, seconds) {
  const error = before.error ?? after.error;
  if (error) return { error };
  const number = (look, name) => Number(look.info[name] ?? 0);
  const change = (name) => number(after, name) - number(before, name);
  let scripts = 0;
  let scriptUs = 0;
  let commands = 0;
  let commandUs = 0;
  for (const [name, { calls, usec }] of Object.entries(after.commands)) {
    const [ran, took] = [
      calls - (before.commands[name]?.calls ?? 0),
      usec - (before.commands[name]?.usec ?? 0),
    ];
    commands += ran;
    commandUs += took;
    if (name.startsWith('eval')) [scripts, scriptUs] = [scripts + ran, scriptUs + took];
  }
  const known = new Set(before.slow.map(({ id }) => id));
  return {
    scriptsPerS: scripts / seconds,
    scriptMeanUs: scripts > 0 ? scriptUs / scripts : 0,
    commandsPerS: commands / seconds,
    busyShare: commandUs / 1e6 / seconds,
    slow: after.slow.filter(({ id }) => !known.has(id)).sort((a, b) => b.us - a.us),
    latency: after.latency,
    fsyncDelays: change('aof_delayed_fsync'),
    usedBytes: number(after, 'used_memory'),
    maxBytes: number(after, 'maxmemory'),
    fragmentation: number(after, 'mem_fragmentation_ratio'),
    evicted: change('evicted_keys'),
    rejected: change('rejected_connections'),
    aofBroken: after.info.aof_last_write_status === 'err',
    clients: number(after, 'connected_clients'),
    clientsMax: number(after, 'maxclients'),
    lastForkUs: number(after, 'latest_fork_usec'),
  };
}

function postgresOf(before, after, seconds) {
  const error = before.error ?? after.error;
  if (error) return { error };
  const change = (name) => after[name] - before[name];
  return {
    connections: after.connections,
    connectionsMax: after.connectionsMax,
    lockWaits: after.lockWaits,
    longestTransactionS: after.longestTransactionS,
    commitsPerS: change('commits') / seconds,
    rollbacks: change('rollbacks'),
    deadlocks: change('deadlocks'),
    tempBytes: change('tempBytes'),
    walBytesPerS: change('walBytes') / seconds,
    walSyncsPerS: change('walSyncs') / seconds,
    checkpointsRequested: change('checkpointsRequested'),
    statements: after.statements,
  };
}
