// How far Postgres is behind, from the shards' own accounts in Redis (docs/state-layout.md: `meta`).
import {setTimeout as delay} from 'node:timers/promises';

import {command} from '../../e2e/support/redis.mjs';

const FIELDS = ['inc', 'n', 'bytes', 'pinc', 'pn', 'pbytes'];
const POLL_MS = 20;

export class Persistence {
  constructor(socket) {
    this.socket = socket;
    this.keys = [];
  }

  // {entries, bytes: committed so far; unpersistedBytes; persisted: everything is}, of all shards.
  async read() {
    if (this.keys.length === 0) this.keys = (await command(this.socket, 'KEYS', '*:meta')).map(String);
    const metas = await Promise.all(this.keys.map((key) => command(this.socket, 'HMGET', key, ...FIELDS)));
    return sumOfShards(metas.map((values) => values.map((value) => Number(value ?? 0))));
  }

  // Seconds until everything committed is in Postgres; null if that takes longer than the limit.
  async wait(limitSeconds, signal) {
    const start = performance.now();
    for (;;) {
      const {persisted} = await this.read();
      const seconds = (performance.now() - start) / 1000;
      if (persisted) return seconds;
      if (seconds > limitSeconds) return null;
      await delay(POLL_MS, undefined, {signal});
    }
  }
}

// Of the FIELDS of every shard.
export function sumOfShards(shards) {
  const sum = {entries: 0, bytes: 0, unpersistedBytes: 0, persisted: true};
  for (const [inc, n, bytes, pinc, pn, pbytes] of shards) {
    sum.entries += n;
    sum.bytes += bytes;
    sum.unpersistedBytes += Math.max(0, bytes - pbytes);
    sum.persisted &&= inc === pinc && n === pn;
  }
  return sum;
}
