// Where time goes: loops, batches, the way to Redis and back.

import { count, ms, percent } from './format.mjs';
import { levels } from './judge.mjs';

const LOADED_OPS_PER_S = 1_000;
const SEEN_MIN = 20; // fewer observations say nothing

function loopLag(role, facts) {
  const { loopLag: lag } = facts[role];
  if (lag.count < SEEN_MIN) return null;
  return {
    severity: levels(lag.p99, { notice: 0.02, problem: 0.1 }),
    measured: `${role}: p99 ${ms(lag.p99)}, mean ${ms(lag.mean)}`,
    threshold: 'p99 20 ms (problem: 100 ms)',
  };
}

function lagRule(role, how) {
  return {
    id: `${role}-loop-lag`,
    what: `how late the event loops of ${role} come to what is due`,
    why: 'everything on a loop waits for what it is doing: one long task delays every connection and shard of it',
    next: `./topgun profile cpu --process ${role}   (${how})`,
    check: (facts) => loopLag(role, facts),
  };
}

export const LATENCY_RULES = [
  lagRule('gateway', 'what the loops do; more --loops if a thread is saturated'),
  lagRule('sync', 'what the loops do; more --loops if a thread is saturated'),
  lagRule('storage', 'its one loop does all shards: more storage processes'),
  {
    id: 'ack-latency',
    what: 'from reading a frame of writes to its ack',
    why: 'this is what clients wait for',
    next: './topgun profile bubble   (where the frames wait)',
    check({ gateway: { ack } }) {
      if (ack.count < SEEN_MIN) return null;
      return {
        severity: levels(ack.p99, { notice: 0.1, problem: 1 }),
        measured: `p50 ${ms(ack.p50)}, p99 ${ms(ack.p99)}, ${count(ack.count)} frames`,
        threshold: 'p99 100 ms (problem: 1 s)',
      };
    },
  },
  {
    id: 'latency-bound',
    what: 'cores that idle while frames wait',
    why: 'throughput is bound by waiting for each other (round trips, batches in flight), not by CPU: more load per core is possible, or less latency',
    next: './topgun profile bubble   (the longest hop)',
    check({ idleCores, cores, gateway: { opsPerS, ack } }) {
      if (opsPerS < LOADED_OPS_PER_S || ack.count < SEEN_MIN) return null;
      const waits = idleCores / cores >= 0.25 && ack.p50 >= 0.005;
      return {
        severity: waits ? 'notice' : 'ok',
        measured: `${idleCores.toFixed(2)} of ${cores} cores idle, ack p50 ${ms(ack.p50)}, ${count(opsPerS)} ops/s`,
        threshold: '25% idle and p50 5 ms',
      };
    },
  },
  {
    id: 'commit-round-trip',
    what: 'from sending a commit script to the reply of Redis',
    why: 'a shard has one commit in flight: its throughput is the batch divided by this time',
    next: 'redis-cli -s .topgun/run/redis.sock --latency; ./topgun profile bubble',
    check({ sync: { commit }, redis }) {
      if (commit.count < SEEN_MIN) return null;
      const inside = redis.error ? '' : `; inside the script ${ms(redis.scriptMeanUs / 1e6)}`;
      return {
        severity: levels(commit.p99, { notice: 0.03, problem: 0.25 }),
        measured: `mean ${ms(commit.mean)}, p99 ${ms(commit.p99)}${inside}`,
        threshold: 'p99 30 ms (problem: 250 ms)',
      };
    },
  },
  {
    id: 'batching',
    what: 'how much travels together: ops per part and commit, cells per commit',
    why: 'a message or a script costs as much as dozens of ops; under load few ops in each means CPU spent on overhead',
    next: 'more ops per frame at the clients; fewer shards or gateway loops for few clients',
    check({ gateway: { opsPerS, partOps }, sync: { commitOps, commitCells, commitsPerS } }) {
      if (opsPerS < 10 * LOADED_OPS_PER_S || commitOps.count < SEEN_MIN) return null;
      return {
        severity: commitOps.mean < 8 ? 'notice' : 'ok',
        measured:
          `${count(partOps.mean)} ops per part, ${count(commitOps.mean)} ops and ` +
          `${count(commitCells.mean)} cells per commit, ${count(commitsPerS)} commits/s`,
        threshold: '8 ops per commit above 10 000 ops/s',
      };
    },
  },
  {
    id: 'commit-conflicts',
    what: 'share of commits that another replica was ahead of',
    why: 'a conflict repeats look-up, merge and script; it means that two sync replicas write the same shards',
    next: "curl the gateways' /metrics for gateway_sync_replicas_up: all must see the same replicas",
    check({ sync: { commitsPerS, conflictsPerS } }) {
      const all = commitsPerS + conflictsPerS;
      if (all < 1) return null;
      const share = conflictsPerS / all;
      return {
        severity: levels(share, { notice: 0.05, problem: 0.3 }),
        measured: `${percent(share)} of ${count(all)} commits/s`,
        threshold: '5% (problem: 30%)',
      };
    },
  },
  {
    id: 'cell-cache',
    what: 'share of cells that had to be read from Redis before merging',
    why: 'a miss adds a round trip to the commit of its shard',
    next: 'raise --cache-bytes-max of topgun-sync (sync_cache_bytes shows its use); new keys always miss once',
    check({ sync: { cacheHitsPerS, cacheMissesPerS } }) {
      const all = cacheHitsPerS + cacheMissesPerS;
      if (all < LOADED_OPS_PER_S) return null;
      const share = cacheMissesPerS / all;
      return {
        severity: levels(share, { notice: 0.5 }),
        measured: `${percent(share)} of ${count(all)} cells/s`,
        threshold: '50%',
      };
    },
  },
];
