// Clients that sync a map of 100 000 keys by its Merkle tree, and connections that do nothing.
import {whileLoaded} from './metrics.mjs';

const KEYS = 100_000;
const WHOLE_MAP = ['--keys', String(KEYS), '--maps', '1', '--value-size', '200'];
const TIMES = {quick: {warmup: 0, duration: 20}, full: {warmup: 0, duration: 20}};  // estimates: these end by themselves

const syncTime = (percentile, target) => ({
  name: `sync-${percentile}`, title: `${percentile} of a sync`, unit: 'ms', better: 'lower', target,
  of: ({loadgen}) => loadgen.latency.sync[percentile] / 1000,
});

const roundTrips = (target) => ({
  name: 'round-trips', title: 'round trips of a sync', unit: '', better: 'lower', target,
  of: ({loadgen}) => loadgen.merkle.round_trips,
});

const bytes = () => ({
  name: 'bytes', title: 'received per sync', unit: 'KiB', better: 'lower',
  of: ({loadgen}) => loadgen.merkle.bytes_received_per_sync / 1024,
});

const throughput = () => ({
  name: 'bandwidth', title: 'received while syncing', unit: 'MiB/s', better: 'higher',
  of: ({loadgen}) => loadgen.merkle.bytes_received_per_sync / 2 ** 20 / (loadgen.latency.sync.mean / 1e6),
});

const firstSync = () => ({
  name: 'first-sync', title: 'first sync of all, with building the tree', unit: 'ms', better: 'lower',
  of: ({loadgen}) => loadgen.merkle.first_sync_ms,
});

const row = (name, title, metrics) => ({
  name, title, times: TIMES, perOperation: false, points: [{load: () => ['--scenario', name, ...WHOLE_MAP]}], metrics,
});

export const merkleRows = [
  row('merkle-current', 'Merkle sync of 100 000 keys by a client that has them all',
      [syncTime('p50', 2), syncTime('p99'), roundTrips(1), firstSync()]),
  row('merkle-delta', 'the same by a client that lacks 100 of them', [syncTime('p50', 20), syncTime('p99'), roundTrips(), bytes()]),
  row('merkle-cold', 'the same by a client that has nothing', [syncTime('p50'), bytes(), throughput(), roundTrips()]),
];

const CONNECTIONS = 10_000;

export const idleRow = {
  name: 'idle', title: '10 000 idle connections', times: {quick: {warmup: 0, duration: 15}, full: {warmup: 0, duration: 30}}, perOperation: false,
  points: [{load: ({duration}) => ['--scenario', 'idle', '--connections', String(CONNECTIONS), '--conn-rate', '1000', '--duration', `${duration}s`]}],
  metrics: [
    {
      name: 'connection-bytes', title: 'gateway memory of a connection', unit: 'KiB', better: 'lower', target: 10,
      of: (run) => {
        const {values} = whileLoaded(run, run.series.t, run.series['rss gateway-0']);
        return (Math.max(...values) - run.residentBefore['gateway-0']) / CONNECTIONS / 1024;
      },
    },
    {
      name: 'idle-cores', title: 'CPU of the gateway while they are there', unit: 'cores', better: 'lower',
      of: (run) => {
        const {t, values} = whileLoaded(run, run.series.t, run.series['cpu gateway-0']);
        const half = t.length >> 1;
        const last = t.length - 1;
        return t[last] > t[half] ? (values[last] - values[half]) / 1e6 / (t[last] - t[half]) : null;
      },
    },
  ],
};
