// Redis and Postgres, and how far persistence is behind.

import { bytes, count, ms, percent } from './format.mjs';
import { levels } from './judge.mjs';

const MIB = 1 << 20;

// Growth per second over the second half against the first: a peak that is over does not count.
export function slope(series, seconds) {
  if (series.length < 2) return 0;
  const half = Math.floor(series.length / 2);
  const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
  return (mean(series.slice(half)) - mean(series.slice(0, half))) / (seconds / 2);
}

export const STORE_RULES = [
  {
    id: 'redis-answers',
    what: 'whether Redis answers',
    why: 'without it every shard is closed: writes wait, then clients get 429',
    next: './topgun logs redis',
    check: ({ redis }) => ({
      severity: redis.error ? 'problem' : 'ok',
      measured: redis.error ?? `yes, ${count(redis.commandsPerS)} commands/s`,
      threshold: 'an answer within 5 s',
    }),
  },
  {
    id: 'postgres-answers',
    what: 'whether Postgres answers',
    why: 'without it nothing becomes PERSISTED, and writes are refused once the unpersisted bytes reach their limit',
    next: './topgun logs postgres; ps -o pid,stat,cmd -C postgres',
    check: ({ postgres }) => ({
      severity: postgres.error ? 'problem' : 'ok',
      measured: postgres.error ?? `yes, ${count(postgres.commitsPerS)} transactions/s`,
      threshold: 'an answer within 3 s',
    }),
  },
  {
    id: 'persistence-lag',
    what: 'age of the oldest change that is not in Postgres yet',
    why: 'it bounds how long PERSISTED takes and how much only Redis has',
    next: './topgun profile bubble   (flush hops); ./topgun logs storage-0',
    check({ gauges: { flushLagS } }) {
      const lag = flushLagS.at(-1);
      return {
        severity: levels(lag, { notice: 2, problem: 5 }),
        measured: `${count(lag)} s, at most ${count(Math.max(...flushLagS))} s meanwhile`,
        threshold: '2 s (problem: 5 s)',
      };
    },
  },
  {
    id: 'persistence-backlog',
    what: 'growth of what storage has read and not committed',
    why: 'a backlog that grows under this load ends in refused writes',
    next: 'more storage processes or faster disks for Postgres; ./topgun profile cpu --process storage',
    check({ gauges: { storageUnflushedBytes: series }, seconds }) {
      const growth = slope(series, seconds);
      const large = series.at(-1) > 8 * MIB;
      return {
        severity: large ? levels(growth, { notice: MIB / 2, problem: 4 * MIB }) : 'ok',
        measured: `${bytes(series.at(-1))}, growing ${bytes(growth)}/s`,
        threshold: 'above 8 MiB: 0.5 MiB/s (problem: 4 MiB/s)',
      };
    },
  },
  {
    id: 'flush-failures',
    what: 'flushes that failed, and lost connections of storage',
    why: 'each is tried again after a pause; many keep persistence behind',
    next: './topgun logs storage-0',
    check({ storage: { flushFailures, reconnects } }) {
      return {
        severity: flushFailures + reconnects > 0 ? 'problem' : 'ok',
        measured: `${count(flushFailures)} failed flushes, ${count(reconnects)} reconnects`,
        threshold: '1',
      };
    },
  },
  {
    id: 'script-time',
    what: 'mean time of a script inside Redis',
    why: 'Redis runs one at a time: all shards wait for it',
    next: 'lower --commit-cells-max of topgun-sync; redis-cli -s .topgun/run/redis.sock SLOWLOG GET 10',
    check({ redis }) {
      if (redis.error || redis.scriptsPerS < 1) return null;
      return {
        severity: levels(redis.scriptMeanUs, { notice: 4_000, problem: 20_000 }),
        measured: `${ms(redis.scriptMeanUs / 1e6)}, ${count(redis.scriptsPerS)} scripts/s, ${percent(redis.busyShare)} of the thread of Redis`,
        threshold: '4 ms (problem: 20 ms)',
      };
    },
  },
  {
    id: 'slow-commands',
    what: 'commands that Redis noted as slow (SLOWLOG, 10 ms by default)',
    why: 'everybody waited meanwhile',
    next: 'redis-cli -s .topgun/run/redis.sock SLOWLOG GET 10',
    check({ redis }) {
      if (redis.error) return null;
      const worst = redis.slow[0];
      const detail = worst ? `, the slowest ${ms(worst.us / 1e6)} (${worst.what})` : '';
      return {
        severity: levels(worst?.us ?? 0, { notice: 20_000, problem: 200_000 }),
        measured: `${redis.slow.length} new${detail}`,
        threshold: 'one of 20 ms (problem: 200 ms)',
      };
    },
  },
  {
    id: 'fsync-delays',
    what: 'times Redis had to wait for the disk (appendfsync)',
    why: 'the main thread stands still while the disk is behind by more than two seconds',
    next: 'iostat -x 1; put the append-only file on a disk of its own',
    check({ redis, seconds }) {
      if (redis.error) return null;
      return {
        severity: redis.aofBroken ? 'problem' : levels(redis.fsyncDelays / seconds, { notice: 0.01, problem: 0.5 }),
        measured: `${count(redis.fsyncDelays)} in ${count(seconds)} s${redis.aofBroken ? ', and writing the file fails' : ''}`,
        threshold: '1 (problem: every other second, or a failed write)',
      };
    },
  },
  {
    id: 'redis-memory',
    what: 'memory of Redis against its limit',
    why: 'the state must fit: at the limit Redis refuses every write (noeviction)',
    next: 'redis-cli -s .topgun/run/redis.sock INFO memory; shorten --retention or raise maxmemory',
    check({ redis }) {
      if (redis.error) return null;
      const share = redis.maxBytes > 0 ? redis.usedBytes / redis.maxBytes : 0;
      const limit = redis.maxBytes > 0 ? ` of ${bytes(redis.maxBytes)}` : ', no limit set';
      return {
        severity: redis.evicted > 0 ? 'problem' : levels(share, { notice: 0.75, problem: 0.9 }),
        measured: `${bytes(redis.usedBytes)}${limit}, ${count(redis.evicted)} keys evicted`,
        threshold: '75% (problem: 90%, or any eviction)',
      };
    },
  },
  {
    id: 'postgres-pool',
    what: 'connections of Postgres in use',
    why: 'at the limit a restarting process cannot connect',
    next: 'select application_name, state, count(*) from pg_stat_activity group by 1, 2',
    check({ postgres }) {
      if (postgres.error) return null;
      const share = postgres.connections / postgres.connectionsMax;
      return {
        severity: levels(share, { notice: 0.7, problem: 0.9 }),
        measured: `${postgres.connections} of ${postgres.connectionsMax}`,
        threshold: '70% (problem: 90%)',
      };
    },
  },
  {
    id: 'postgres-waits',
    what: 'waits for locks, deadlocks, long transactions',
    why: 'every shard has one flush at a time: one that waits holds back its persistence',
    next: 'select pid, wait_event_type, query from pg_stat_activity where wait_event is not null',
    check({ postgres }) {
      if (postgres.error) return null;
      const { lockWaits, deadlocks, longestTransactionS } = postgres;
      const bad = deadlocks > 0 || longestTransactionS > 30;
      const odd = lockWaits > 0 || longestTransactionS > 5;
      return {
        severity: bad ? 'problem' : odd ? 'notice' : 'ok',
        measured: `${lockWaits} waiting, ${deadlocks} deadlocks, longest transaction ${count(longestTransactionS)} s`,
        threshold: '1 waiting or 5 s (problem: a deadlock or 30 s)',
      };
    },
  },
  {
    id: 'postgres-wal',
    what: 'checkpoints that the write-ahead log forced',
    why: 'after a checkpoint every page is logged whole: too frequent ones multiply the writing',
    next: 'raise max_wal_size (deploy/local/postgresql.conf)',
    check({ postgres }) {
      if (postgres.error) return null;
      return {
        severity: levels(postgres.checkpointsRequested, { notice: 1 }),
        measured: `${postgres.checkpointsRequested} forced, ${bytes(postgres.walBytesPerS)}/s of log, ${count(postgres.walSyncsPerS)} syncs/s`,
        threshold: '1 within the measurement',
      };
    },
  },
];
