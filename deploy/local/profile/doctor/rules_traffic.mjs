// What clients notice: refusals, closed connections, gaps, clocks; and queues.

import { bytes, count, percent } from './format.mjs';
import { levels } from './judge.mjs';
import { slope } from './rules_stores.mjs';

const MIB = 1 << 20;

function queue(series, seconds, { largeBytes }) {
  const growth = slope(series, seconds);
  const last = series.at(-1);
  return {
    severity: last >= largeBytes ? levels(growth, { notice: MIB, problem: 8 * MIB }) : 'ok',
    measured: `${bytes(last)}, growing ${bytes(growth)}/s`,
    threshold: `above ${bytes(largeBytes)}: 1 MiB/s (problem: 8 MiB/s)`,
  };
}

export const TRAFFIC_RULES = [
  {
    id: 'refused-writes',
    what: 'ERROR 429 sent to clients',
    why: 'the cluster refuses work: a limit is reached (memory in flight, unpersisted bytes, rate per connection)',
    next: 'curl ADMIN/metrics | grep -E "frames_dropped|parts_refused|code=\\"overloaded\\""   (which limit)',
    check({ gateway, sync }) {
      const refused = gateway.refused429PerS + sync.refusedPartsPerS + sync.overloadedPerS;
      return {
        severity: levels(refused, { notice: 0.01, problem: 1 }),
        measured: `${count(gateway.refused429PerS)} errors/s, ${count(sync.refusedPartsPerS)} refused parts/s, ${count(sync.overloadedPerS)} commits/s refused by the unpersisted limit`,
        threshold: 'any (problem: 1/s)',
      };
    },
  },
  {
    id: 'timeouts',
    what: 'ops whose timeout passed before their write concern was met',
    why: 'their clients were told 504 or a lower level',
    next: './topgun profile bubble',
    check: ({ gateway: { timeouts } }) => ({
      severity: levels(timeouts, { notice: 1 }),
      measured: count(timeouts),
      threshold: '1',
    }),
  },
  {
    id: 'sync-queue',
    what: 'batches that wait in the sync services',
    why: 'a queue that grows means that commits do not keep up: latency grows with it, then writes are refused',
    next: './topgun profile bubble   (waiting for the batch); more sync replicas or loops',
    check: ({ gauges, seconds }) => queue(gauges.syncQueueBytes, seconds, { largeBytes: 16 * MIB }),
  },
  {
    id: 'inflight-writes',
    what: 'writes that gateways keep until they are acknowledged',
    why: 'at --inflight-bytes-max clients get 429',
    next: './topgun profile bubble',
    check: ({ gauges, seconds }) =>
      queue(gauges.gatewayInflightBytes, seconds, { largeBytes: 16 * MIB }),
  },
  {
    id: 'outbound-queue',
    what: 'news queued for connections that read slowly',
    why: 'beyond --push-bytes-max a connection is closed',
    next: './topgun profile inspect   (connections)',
    check: ({ gauges, seconds }) =>
      queue(gauges.gatewayOutboundBytes, seconds, { largeBytes: 4 * MIB }),
  },
  {
    id: 'slow-consumers',
    what: 'connections closed because they read too slowly, or wrote more than could be remembered',
    why: 'each comes back and reads its maps again',
    next: './topgun profile inspect; raise --push-bytes-max for bursts',
    check({ gateway: { slowConsumers, overloadCloses, connections } }) {
      const closed = slowConsumers + overloadCloses;
      const share = closed / Math.max(1, connections + closed);
      return {
        severity: closed === 0 ? 'ok' : levels(share, { notice: 0, problem: 0.05 }),
        measured: `${count(slowConsumers)} slow, ${count(overloadCloses)} overloaded, of ${count(connections)}`,
        threshold: '1 (problem: 5% of all)',
      };
    },
  },
  {
    id: 'gaps',
    what: 'gaps in watch streams and feeds, and the roots sent to heal them',
    why: 'changes were missed: clients on the map compare and read again',
    next: './topgun logs sync-0; raise --ring-bytes-max or --watch-bytes-max of topgun-sync',
    check({ gateway, sync, storage }) {
      const gaps = gateway.gaps + sync.feedGaps + sync.watchOverflows + storage.feedGaps;
      return {
        severity: levels(gaps, { notice: 1, problem: 100 }),
        measured: `${count(gaps)} gaps, ${count(gateway.heals)} roots sent`,
        threshold: '1 (problem: 100)',
      };
    },
  },
  {
    id: 'retries',
    what: 'parts sent again after a failure or a move',
    why: 'a sync service went away or was slow to answer',
    next: './topgun ps; ./topgun logs gateway-0',
    check: ({ gateway: { retriedParts } }) => ({
      severity: levels(retriedParts, { notice: 1, problem: 1_000 }),
      measured: count(retriedParts),
      threshold: '1 (problem: 1000)',
    }),
  },
  {
    id: 'clocks',
    what: 'writes whose clock was too far ahead',
    why: 'they get the time of the server; such a client has its clock wrong',
    next: 'synchronise the clocks of clients and servers (chrony); GET /api/admin/conflicts of the map',
    check({ sync: { clampsPerS, mergedPerS } }) {
      const share = mergedPerS > 0 ? clampsPerS / mergedPerS : 0;
      return {
        severity: clampsPerS === 0 ? 'ok' : levels(share, { notice: 0, problem: 0.1 }),
        measured: `${count(clampsPerS)}/s, ${percent(share)} of all`,
        threshold: 'any (problem: 10% of all)',
      };
    },
  },
];
