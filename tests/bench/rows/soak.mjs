// Half an hour of everything at a moderate rate: what grows then, grows for ever.
import {ONE_PER_MILLE, drift} from '../measure/statistics.mjs';
import {ackedRate, cost, latency, whileLoaded} from './metrics.mjs';

const BYTES_PER_MIB = 2 ** 20;
const SECONDS_PER_HOUR = 3600;
// Below this a process is called flat whatever its slope: arenas and buffers come and go.
const MEMORY_FLOOR = 2 * BYTES_PER_MIB;

// What waits somewhere. Byte counts and numbers of things alike.
const QUEUES = [
  'gateway_waiting_ops', 'gateway_inflight_bytes', 'gateway_outbound_bytes', 'gateway_expiring_rows', 'gateway_frames_held', 'gateway_tag_removals',
  'process_open_fds', 'storage_unflushed_bytes', 'sync_queue_bytes', 'sync_replica_waiters',
];
const QUEUE_FLOOR = 100;
// There are more than ten series of them, and most go up and down all the time: one per cent for each would be a false alarm in ten soaks.
const QUEUE_CHANCE = ONE_PER_MILLE;

// [{name, slope, noise (MiB per hour), grows}] of every process, load generator included.
export function memoryDrifts(run) {
  return Object.keys(run.series).filter((name) => name.startsWith('rss ')).map((name) => {
    const {t, values} = whileLoaded(run, run.series.t, run.series[name]);
    const trend = drift(t, values, {floor: MEMORY_FLOOR});
    const hourly = (perSecond) => perSecond * SECONDS_PER_HOUR / BYTES_PER_MIB;
    return {name: name.slice(4), ...(trend && {slope: hourly(trend.slope), noise: hourly(trend.noise), grows: trend.grows})};
  });
}

// Names of the gauges that grow throughout the load.
export function growingQueues(run) {
  return Object.entries(run.gauges).filter(([, {t, value}]) => {
    const loaded = whileLoaded(run, t, value);
    return drift(loaded.t, loaded.values, {floor: QUEUE_FLOOR, chance: QUEUE_CHANCE})?.grows;
  }).map(([name]) => name);
}

const slopeOf = (process) => ({
  name: `memory-slope-${process}`, title: `memory slope of ${process}`, unit: 'MiB/h', better: 'lower',
  of: (run) => memoryDrifts(run).find(({name}) => name === process)?.slope ?? null,
});

const none = (name, title, list) => ({name, title, unit: '', better: 'lower', target: 0, of: (run) => list(run).length});

export const soakRow = {
  name: 'soak', title: '20 000 op/s with churn, TTL and removals',
  times: {quick: {warmup: 2, duration: 45}, full: {warmup: 5, duration: 1800}},
  runs: {quick: 1, full: 1},
  points: [{
    metrics: QUEUES,
    load: ({warmup, duration}) => [
      '--connections', '100', '--batch', '100', '--maps', '10', '--keys', '1000', '--value-size', '200', '--rate', '20k',
      '--remove-ratio', '0.1', '--ttl-ratio', '0.1', '--ttl', '5s', '--disconnect-rate', '1', '--subscribers', '2',
      '--warmup', `${warmup}s`, '--duration', `${duration}s`,
    ],
  }],
  metrics: [
    none('growing-processes', 'processes whose memory grows', (run) => memoryDrifts(run).filter(({grows}) => grows)),
    none('growing-queues', 'queues that grow', growingQueues),
    ...['gateway-0', 'sync-0', 'storage-0', 'redis', 'postgres', 'loadgen'].map(slopeOf),
    ackedRate(), latency('p99'), cost(),
  ],
};
