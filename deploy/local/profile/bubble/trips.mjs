// Joins the records of all processes to trips: one per followed part, and one per followed frame
// along its slowest part. A trip is a list of hops that follow each other without holes:
//   { key, from, to }   times in ms since the first record
// so that the hops of a frame add up to its whole latency.

// Every hop: where it is, what happens in it. In the order of a write.
export const HOPS = {
  decode: ['gateway', 'frame read to decoded and checked'],
  append: ['gateway', 'ops appended to the parts of their shards'],
  lane: ['gateway', 'waiting in the lane: parts of the shard in flight'],
  toSync: ['gRPC', 'part to the sync-service'],
  syncLoop: ['sync', 'waiting for the loop'],
  turn: ['sync', 'waiting for the batch that is being committed'],
  read: ['Redis', 'reading cells that are not in the cache'],
  merge: ['sync', 'look-up, merge, building the commit'],
  commit: ['Redis', 'commit: to Redis, its queue, the script, back'],
  settle: ['sync', 'taking the commit over, answering'],
  toGateway: ['gRPC', 'result to the gateway'],
  gatewayLoop: ['gateway', 'result waiting for the loop'],
  order: ['gateway', 'dealing with the result; earlier frames first'],
  write: ['gateway', 'ack queued to socket written'],
  watch: ['gRPC', 'commit to the watching gateway'],
  eventLoop: ['gateway', 'change waiting for the loop'],
  encode: ['gateway', 'change encoded and queued for everybody'],
  push: ['gateway', 'events queued to sockets written'],
  feed: ['storage', 'committed to flush sent: feed read, waiting for the flush'],
  flush: ['Postgres', 'flush: upsert and commit'],
  publish: ['storage', 'position published in Redis'],
};

const MS = 1e-6; // of a ns

// Consecutive hops between the given points [key of the hop that ends here, ns]; points that are
// missing make their hop part of the next one, a clock cannot go back.
function chain(start, points) {
  const hops = [];
  let from = start;
  for (const [key, at] of points) {
    if (at === null || at === undefined) continue;
    const to = Math.max(at, from);
    hops.push({ key, from: from * MS, to: to * MS });
    from = to;
  }
  return hops;
}

function durationOf(hops) {
  return hops.length === 0 ? 0 : hops.at(-1).to - hops[0].from;
}

// Processes of other machines have another clock.
function joinable(processes) {
  return new Set(processes.map(({ boot }) => boot)).size <= 1;
}

function recordsOf(processes, kind) {
  return processes.flatMap(({ service, kinds }) =>
    (kinds.get(kind) ?? []).map((record) => ({ ...record, process: service.name })),
  );
}

// From its first op (or the given time) to the handled result.
function partHops(part, merge, start) {
  const sync = merge
    ? [
        ['toSync', merge.at.received],
        ['syncLoop', merge.at.handed],
        ['turn', merge.at.taken],
        ['read', merge.at.read],
        ['merge', merge.at.sent],
        ['commit', merge.at.replied],
        ['settle', merge.at.answered],
      ]
    : [];
  return chain(start, [
    ['lane', part.at.sent],
    ...sync,
    ['toGateway', part.at.arrived],
    ['gatewayLoop', part.at.result],
  ]);
}

function findFlush(flushes, part) {
  return flushes.find(
    ({ num }) =>
      num.shard === part.num.shard &&
      num.incarnation === part.num.incarnation &&
      num.from_n < part.num.n &&
      part.num.n <= num.to_n,
  );
}

// joinTrips(processes of collect()): { frames, parts, events, persists, joined, counts }; each trip
// { hops, duration, label, process }. `joined` is false when the machines have different clocks:
// then only durations within one process are there.
export function joinTrips(processes) {
  const joined = joinable(processes);
  const merges = new Map(recordsOf(processes, 'merge').map((record) => [record.trace, record]));
  const flushes = recordsOf(processes, 'flush');
  const parts = new Map();
  for (const part of recordsOf(processes, 'part')) {
    if (part.at.sent && part.at.result) parts.set(part.trace, part);
  }
  const mergeOf = (part) => (joined ? merges.get(part.trace) : undefined);
  const trips = { frames: [], parts: [], events: [], persists: [], joined };
  for (const part of parts.values()) {
    const hops = partHops(part, mergeOf(part), part.at.started);
    add(trips.parts, hops, part, labelOfPart(part), part.num.shard);
  }
  for (const frame of recordsOf(processes, 'frame')) {
    addFrame(trips.frames, frame, frame.parts.map((trace) => parts.get(trace)), mergeOf);
  }
  for (const event of recordsOf(processes, 'event')) {
    const merge = joined ? merges.get(event.trace) : undefined;
    const start = (sameCommit(merge, event) ? merge.at.replied : null) ?? event.at.arrived;
    const points = [
      ...(start === event.at.arrived ? [] : [['watch', event.at.arrived]]),
      ['eventLoop', event.at.handled],
      ['encode', event.at.queued],
      ['push', event.at.written],
    ];
    const label = `shard ${event.num.shard}, ${event.num.changes} changes`;
    add(trips.events, chain(start, points), event, label);
  }
  addPersists(trips.persists, parts, mergeOf, flushes);
  trips.counts = {
    frames: recordsOf(processes, 'frame').length,
    parts: parts.size,
    merges: merges.size,
    events: recordsOf(processes, 'event').length,
    flushes: flushes.length,
  };
  return trips;
}

// The trace of an event says only which part may be in its commit.
function sameCommit(merge, event) {
  return (
    merge !== undefined &&
    ['shard', 'incarnation', 'n'].every((name) => merge.num[name] === event.num[name])
  );
}

function labelOfPart(part) {
  return `shard ${part.num.shard}, ${part.num.ops} ops`;
}

function add(list, hops, record, label, shard) {
  if (hops.length === 0) return;
  list.push({ hops, duration: durationOf(hops), label, process: record.process, shard });
}

// Only frames all of whose parts are known: else the slowest may be missing.
function addFrame(list, frame, parts, mergeOf) {
  if (parts.length === 0 || parts.some((part) => part === undefined)) return;
  const slowest = parts.reduce((a, b) => (a.at.result >= b.at.result ? a : b));
  const hops = [
    ...chain(frame.at.received, [
      ['decode', frame.at.decoded],
      ['append', frame.at.submitted],
    ]),
    ...partHops(slowest, mergeOf(slowest), frame.at.submitted),
    ...chain(Math.max(slowest.at.result, frame.at.submitted), [
      ['order', frame.at.acked],
      ['write', frame.at.written],
    ]),
  ];
  const label = `${frame.num.ops} ops in ${parts.length} parts, slowest: ${labelOfPart(slowest)}`;
  add(list, hops, frame, label, slowest.num.shard);
}

// From the commit of a part to its published position, by the flush that covers it.
function addPersists(list, parts, mergeOf, flushes) {
  for (const part of parts.values()) {
    const merge = mergeOf(part);
    const flush = merge?.at.replied ? findFlush(flushes, part) : undefined;
    if (!flush) continue;
    const hops = chain(merge.at.replied, [
      ['feed', flush.at.sent],
      ['flush', flush.at.committed],
      ['publish', flush.at.published],
    ]);
    add(list, hops, flush, `shard ${part.num.shard}, ${flush.num.rows} rows`);
  }
}

export function quantile(sorted, q) {
  if (sorted.length === 0) return 0;
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

// hopTable(trips): [{ key, count, mean, p50, p99, share }] in the order of HOPS; the share is that
// of the time of all trips. Trips without the hop count as 0 in nothing but the share.
export function hopTable(trips) {
  const durations = new Map();
  let all = 0;
  for (const { hops, duration } of trips) {
    all += duration;
    for (const { key, from, to } of hops) {
      if (!durations.has(key)) durations.set(key, []);
      durations.get(key).push(to - from);
    }
  }
  return Object.keys(HOPS)
    .filter((key) => durations.has(key))
    .map((key) => {
      const sorted = durations.get(key).sort((a, b) => a - b);
      const sum = sorted.reduce((a, b) => a + b, 0);
      return {
        key,
        count: sorted.length,
        mean: sum / sorted.length,
        p50: quantile(sorted, 0.5),
        p99: quantile(sorted, 0.99),
        share: all === 0 ? 0 : sum / all,
      };
    });
}

// byShard(frames): [{ shard, share }], how often the slowest part was of which shard, most often
// first. Evenly loaded shards come out even; one that stands out bounds all of them.
export function byShard(frames) {
  const counts = new Map();
  for (const { shard } of frames) counts.set(shard, (counts.get(shard) ?? 0) + 1);
  return [...counts]
    .map(([shard, count]) => ({ shard, share: count / frames.length }))
    .sort((a, b) => b.share - a.share);
}

// examples(trips): { typical, slow, slowest }, each up to `count` trips around p50, around p99, and
// the longest.
export function examples(trips, count = 3) {
  const sorted = [...trips].sort((a, b) => a.duration - b.duration);
  const around = (q) => {
    const first = Math.floor(q * sorted.length) - Math.floor(count / 2);
    return sorted.slice(Math.max(0, first), Math.max(0, first) + count);
  };
  return { typical: around(0.5), slow: around(0.99), slowest: sorted.slice(-count).reverse() };
}
