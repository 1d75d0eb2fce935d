// bubble: where an op waits: time per hop and queue, and a waterfall as HTML
//
// Follows sampled frames through all processes (lib/hops) and lays their records end to end.

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { collect } from './bubble/collect.mjs';
import { cpuTable, threadTimes } from './bubble/cpu.mjs';
import { renderPage } from './bubble/page.mjs';
import { hopLines, laneLines, metricLines, scriptLines, shardLine } from './bubble/text.mjs';
import { examples, hopTable, joinTrips } from './bubble/trips.mjs';
import { metrics, readCluster } from './common/cluster.mjs';
import { fail, note, run } from './common/fail.mjs';
import { withLoad } from './common/load.mjs';
import { parseOptions } from './common/options.mjs';
import { ask, commandStats, parseInfo } from './common/resp.mjs';

const HELP = `usage: ./topgun profile bubble [options]

Follows every 16th frame of writes through gateway, sync service, Redis, storage service and
Postgres, and prints how long they were where: the hops of a frame up to its ack (they add up to its
latency), those of its changes to the watching connections, and those until it is in Postgres. Below
are the histograms of all traffic, the scripts' time inside Redis, and which threads used the CPU.
Writes one HTML file with waterfalls of typical, slow and the slowest frames.

  --data DIR        the cluster's folder (default: .topgun in the repository)
  --load 'ARGS'     start ./topgun load ARGS when no load runs, and stop it afterwards
  --seconds N       how long to follow, 1 to 120 (default 10)
  --every N         follow every Nth frame, 1 to 1000000 (default 16)
  --out FILE        the HTML file (default: bubble.html in the cluster's folder)
  --json            print everything measured as JSON instead of text
`;

export const SECTIONS = [
  { key: 'frames', title: 'Frames of writes, received to acknowledged (along the slowest part)' },
  { key: 'parts', title: 'Parts, first op to result' },
  { key: 'events', title: 'Changes, committed to written to the sockets of those who watch' },
  { key: 'persists', title: 'Commits, in Redis to in Postgres and published' },
];

async function scrape(services) {
  return new Map(
    await Promise.all(services.map(async (service) => [service.name, await metrics(service)])),
  );
}

async function redisStats(cluster) {
  const socket = path.join(cluster.dir, 'run', 'redis.sock');
  try {
    return commandStats(parseInfo(await ask(socket, ['INFO', 'commandstats'])));
  } catch (error) {
    return note(`no figures from Redis: ${error.message}`) ?? new Map();
  }
}

async function snapshot(cluster) {
  const [samples, redis] = await Promise.all([scrape(cluster.services), redisStats(cluster)]);
  return { samples, redis, threads: threadTimes(cluster), at: performance.now() };
}

async function measure(cluster, options) {
  note(`following every ${options.every}th frame for ${options.seconds} s`);
  const before = await snapshot(cluster);
  const processes = await collect(cluster.services, options.seconds, options.every);
  const after = await snapshot(cluster);
  const trips = joinTrips(processes);
  const sections = SECTIONS.map(({ key, title }) => ({
    key,
    title,
    trips: trips[key],
    table: hopTable(trips[key]),
    examples: examples(trips[key]),
  }));
  return { trips, sections, before, after, seconds: (after.at - before.at) / 1000 };
}

function print(result, file) {
  const lines = [];
  for (const section of result.sections) lines.push(...hopLines(section), '');
  if (result.trips.frames.length > 0) lines.push(shardLine(result.trips.frames));
  lines.push(...laneLines(result.trips.parts), '');
  if (!result.trips.joined) {
    lines.push('The processes run on several machines: hops between them are left out, and only', 'durations within one process count.', '');
  }
  lines.push(...metricLines(result), '', ...scriptLines(result), '');
  lines.push(...cpuTable(result.before.threads, result.after.threads, result.seconds));
  process.stdout.write(`${lines.join('\n')}\n\nwaterfalls: ${file}\n`);
}

async function main() {
  const options = parseOptions(HELP, {
    seconds: { number: [1, 120], default: 10 },
    every: { number: [1, 1_000_000], default: 16 },
    out: { text: true },
    json: {},
  });
  if (options.process !== 'all') fail('bubble follows writes through all processes; leave --process out');
  const cluster = readCluster(options.data);
  const file = path.resolve(options.out ?? path.join(cluster.dir, 'bubble.html'));
  const result = await withLoad(cluster, options.load, options.seconds, () =>
    measure(cluster, options),
  );
  if (result.trips.parts.length === 0) {
    fail('no write was followed; let load run meanwhile (./topgun load, or --load)');
  }
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, renderPage(result));
  if (!options.json) return print(result, file);
  const sections = result.sections.map(({ key, title, table }) => ({ key, title, hops: table }));
  const report = { seconds: result.seconds, counts: result.trips.counts, sections, html: file };
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
}

run(main);
