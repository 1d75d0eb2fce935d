// Figures of Redis, asked over the cluster's socket.

import path from 'node:path';
import { ask, commandStats, parseInfo } from '../common/resp.mjs';

const SLOW_ENTRIES = 128;

// readRedis(dir): { info: {...}, commands: { evalsha: { calls, usec } }, slow: [{ id, us, what }],
// latency: [{ event, latestMs, maxMs }] }, or { error }.
export async function readRedis(dir) {
  const socket = path.join(dir, 'run', 'redis.sock');
  try {
    const [info, stats, slow, latency] = await Promise.all([
      ask(socket, ['INFO']),
      ask(socket, ['INFO', 'commandstats']),
      ask(socket, ['SLOWLOG', 'GET', String(SLOW_ENTRIES)]),
      ask(socket, ['LATENCY', 'LATEST']),
    ]);
    return {
      info: Object.fromEntries(parseInfo(info)),
      commands: Object.fromEntries(commandStats(parseInfo(stats))),
      slow: slow.map(([id, , us, words]) => ({ id, us, what: words.slice(0, 2).join(' ').slice(0, 60) })),
      latency: latency.map(([event, , latestMs, maxMs]) => ({ event, latestMs, maxMs })),
    };
  } catch (error) {
    return { error: error.message };
  }
}
