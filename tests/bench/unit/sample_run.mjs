// A run as measure/run.mjs returns it, for tests of what is made of runs.
export function sampleRun({point = 'all', ops = 1000, rate = 100, costUs = 10, p50 = 1500, backlog, ...more} = {}) {
  const t = Array.from({length: 40}, (_, i) => i / 2);
  const flat = t.map(() => 1 << 20);
  return {
    point, valid: true, problems: [], ops, loadSeconds: 20, busyCores: 1.5, foreignCores: 0, stolenCores: 0,
    persistedAfterSeconds: 0.2, feedBytes: 20 << 20, residentBefore: {'gateway-0': 1 << 20}, residentAfter: {'gateway-0': 2 << 20},
    cpuUs: {'gateway-0': ops * costUs * 0.4, 'sync-0': ops * costUs * 0.6},
    series: {t, backlog: backlog ?? flat, 'cpu gateway-0': t.map((x) => x * 4e5), 'rss gateway-0': flat}, gauges: {},
    loadgen: {throughput: {acked_ops_per_s: rate}, latency: {ack: {p50, p99: 4000}}},
    ...more,
  };
}
