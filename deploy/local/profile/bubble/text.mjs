// What bubble measured, as text.

import { histogram } from '../common/histograms.mjs';
import { scriptDelta } from '../common/resp.mjs';
import { HOPS, byShard, quantile } from './trips.mjs';

function ms(value) {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value.toFixed(3);
}

const HEAD = `${'hop'.padEnd(66)} ${['count', 'mean', 'p50', 'p99', 'share']
  .map((word) => word.padStart(8))
  .join(' ')}`;

function row(name, { count, mean, p50, p99 }, share) {
  const cells = [String(count), ms(mean), ms(p50), ms(p99), share];
  return `${name.padEnd(66)} ${cells.map((cell) => cell.padStart(8)).join(' ')}`;
}

// hopLines({ title, trips, table }): the table of one kind of trip.
export function hopLines({ title, trips, table }) {
  const lines = [`${title}, in ms`];
  if (trips.length === 0) return [...lines, '  none were followed'];
  lines.push(HEAD);
  for (const hop of table) {
    const [where, what] = HOPS[hop.key];
    lines.push(row(`${where.padEnd(8)} ${what}`, hop, `${(hop.share * 100).toFixed(1)}%`));
  }
  const sorted = trips.map(({ duration }) => duration).sort((a, b) => a - b);
  const mean = sorted.reduce((a, b) => a + b, 0) / sorted.length;
  const whole = { count: sorted.length, mean, p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) };
  return [...lines, row('the whole', whole, '100%')];
}

// shardLine(frames): which shards frames wait for, and how long their parts wait in the lanes.
export function shardLine(frames) {
  const told = byShard(frames)
    .slice(0, 5)
    .map(({ shard, share }) => `shard ${shard} ${(share * 100).toFixed(0)}%`);
  return `The slowest part of a frame was of ${told.join(', ')} (of so many frames).`;
}

// laneLines(parts): the lanes of all shards, the longest first.
export function laneLines(parts) {
  const lanes = new Map();
  for (const { shard, hops } of parts) {
    const lane = hops.find(({ key }) => key === 'lane');
    if (!lane) continue;
    if (!lanes.has(shard)) lanes.set(shard, []);
    lanes.get(shard).push(lane.to - lane.from);
  }
  const rows = [...lanes]
    .map(([shard, waits]) => ({ shard, mean: waits.reduce((a, b) => a + b, 0) / waits.length }))
    .sort((a, b) => b.mean - a.mean);
  return [
    `Mean wait in the lane by shard, in ms: ${rows.map(({ shard, mean }) => `${shard}: ${ms(mean)}`).join(', ')}`,
  ];
}

const METRICS = [
  ['gateway', 'gateway_ack_seconds', 'frame to ack', 1000],
  ['gateway', 'gateway_lane_wait_seconds', 'first op of a part to its sending', 1000],
  ['gateway', 'gateway_part_seconds', 'part sent to result', 1000],
  ['gateway', 'gateway_loop_lag_seconds', 'loop lag', 1000],
  ['sync', 'sync_part_wait_seconds', 'part received to being merged', 1000],
  ['sync', 'sync_merge_seconds', 'look-ups and merge', 1000],
  ['sync', 'sync_commit_seconds', 'commit round trip', 1000],
  ['sync', 'sync_part_seconds', 'part received to committed', 1000],
  ['sync', 'sync_loop_lag_seconds', 'loop lag', 1000],
  ['storage', 'storage_flush_seconds', 'flush in Postgres', 1000],
  ['storage', 'storage_persist_seconds', 'first entry read to published', 1000],
  ['storage', 'storage_loop_lag_seconds', 'loop lag', 1000],
  ['gateway', 'gateway_part_ops', 'ops per part', 1],
  ['sync', 'sync_commit_ops', 'ops per commit', 1],
  ['sync', 'sync_commit_cells', 'cells per commit', 1],
  ['storage', 'storage_flush_rows', 'rows per flush', 1],
];

// All traffic, not only what was followed.
export function metricLines({ before, after }) {
  const lines = ['All traffic, from the histograms: ms, or numbers where it says "per"', HEAD];
  const merged = (snapshot) => new Map(
    [...snapshot.samples].flatMap(([name, samples]) =>
      [...samples].map(([key, value]) => [withProcess(key, name), value]),
    ),
  );
  const [from, to] = [merged(before), merged(after)];
  for (const [role, name, what, factor] of METRICS) {
    const seen = histogram(from, to, name);
    if (seen.count <= 0) continue;
    const scaled = { count: seen.count, mean: seen.mean * factor, p50: seen.p50 * factor, p99: seen.p99 * factor };
    lines.push(row(`${role.padEnd(8)} ${what} (${name})`, scaled, ''));
  }
  return lines;
}

// The same series of several processes must not overwrite each other.
function withProcess(key, process) {
  const brace = key.indexOf('{');
  if (brace < 0) return `${key}{process="${process}"}`;
  return `${key.slice(0, brace)}{process="${process}",${key.slice(brace + 1)}`;
}

export function scriptLines({ before, after, seconds }) {
  const script = scriptDelta(before.redis, after.redis);
  if (script.calls === 0) return ['Redis ran no scripts.'];
  const busy = script.usec / 1e4 / seconds;
  return [
    `Redis ran ${script.calls} scripts, ${(script.calls / seconds).toFixed(0)}/s; inside the script ` +
      `${(script.meanUs / 1000).toFixed(3)} ms each (commandstats), ${busy.toFixed(0)}% of its thread.`,
    'The rest of a commit round trip is its queue (one command at a time), parsing, the append-only',
    'file, the socket, and the wake-ups on both sides.',
  ];
}
