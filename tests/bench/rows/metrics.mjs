// What rows report: how a figure is taken from a run, and what it should be.
//
// A metric: {name, title, unit, better: 'higher' | 'lower', target?, reference?} and either of(run), a number per run, or
// across(medians), a number from {point: median cost per operation}. Without a target it is reported only.
import {drift} from '../measure/statistics.mjs';

const MS_PER_US = 1e-3;

export const ackedRate = (target, reference) => ({
  name: 'acked', title: 'acknowledged', unit: 'op/s', better: 'higher', target, reference,
  of: (run) => run.loadgen.throughput.acked_ops_per_s,
});

export const latency = (percentile, target, reference) => ({
  name: percentile, title: `${percentile.replace('_', '.')} of the ack`, unit: 'ms', better: 'lower', target, reference,
  of: (run) => run.loadgen.latency.ack[percentile] * MS_PER_US,
});

// CPU of all processes, from before the first connection until everything was in Postgres, per acknowledged operation.
export const cost = (target, reference) => ({
  name: 'cost', title: 'CPU of all processes', unit: 'us/op', better: 'lower', target, reference,
  of: (run) => totalCost(run),
});

// Growth of what Postgres does not have yet, as a share of what is written meanwhile. A backlog that only wobbles counts as 0.
export const backlogGrowth = (target) => ({
  name: 'backlog-growth', title: 'growth of the backlog of Postgres', unit: '% of the feed', better: 'lower', target,
  of: (run) => {
    const feedPerSecond = run.feedBytes / run.loadSeconds;
    const loaded = whileLoaded(run, run.series.t, run.series.backlog);
    // A tenth of a second's worth is a batch in hand, no backlog.
    const trend = drift(loaded.t, loaded.values, {floor: feedPerSecond / 10});
    if (!trend) return null;
    return trend.grows ? 100 * trend.slope / feedPerSecond : 0;
  },
});

// The samples taken before the load ended.
export function whileLoaded(run, t, values) {
  const count = t.filter((each) => each <= run.loadSeconds).length;
  return {t: t.slice(0, count), values: values.slice(0, count)};
}

export function costs(run) {
  if (!run.ops) return {};
  return Object.fromEntries(Object.entries(run.cpuUs).map(([name, us]) => [name, us / run.ops]));
}

export function totalCost(run) {
  return run.ops ? Object.values(run.cpuUs).reduce((sum, us) => sum + us, 0) / run.ops : null;
}
