// From runs to the table: medians, verdicts, cost per process. Pure.
import {costs, totalCost} from './rows/metrics.mjs';
import {median, summary} from './measure/statistics.mjs';

// met, missed; reported: there is no target; unknown: the runs were too short to tell; invalid: the generator was the bottleneck;
// failed: there is no run to judge by.

// `runs`: {point name: [run]}. {name, title, metrics, points, problems} as the JSON report holds them.
export function summarizeRow(row, runs) {
  const good = mapValues(runs, (list) => list.filter(({problems}) => problems.length === 0));
  const problems = Object.values(runs).flat().flatMap((run) => run.problems);
  const points = Object.entries(good).map(([name, list]) => summarizePoint(name, list, row.perOperation ?? true));
  const invalid = Object.values(good).flat().some(({valid}) => !valid);
  return {
    name: row.name,
    title: row.title,
    metrics: row.metrics.map((metric) => summarizeMetric(metric, {good, points, invalid})),
    points,
    problems,
  };
}

function summarizeMetric(metric, {good, points, invalid}) {
  const {of, across, ...described} = metric;
  const complete = points.every(({runs}) => runs > 0);
  const value = !complete ? null : across ? single(across(medianCosts(points))) : summary(Object.values(good).flat().map(of));
  return {
    ...described,
    target: metric.target ?? null,
    reference: metric.reference ?? null,
    ...(value ?? {median: null, min: null, max: null, count: 0}),
    ...(complete ? judge(metric, value, invalid) : {ratio: null, verdict: 'failed'}),
  };
}

function single(value) {
  return {median: value, min: value, max: value, count: 1};
}

// The ratio is above 1 when the target is surpassed, whichever direction is better.
function judge({better, target}, value, invalid) {
  if (!value) return {ratio: null, verdict: 'unknown'};
  if (target === undefined || target === null) return {ratio: null, verdict: 'reported'};
  const ratio = goodness(better, value.median, target);
  return {ratio, verdict: invalid ? 'invalid' : ratio >= 1 ? 'met' : 'missed'};
}

// How many times better `value` is than `base`.
export function goodness(better, value, base) {
  if (value === base) return 1;
  return better === 'higher' ? value / base : base / value;
}

function summarizePoint(name, list, perOperation) {
  const names = perOperation ? [...new Set(list.flatMap((run) => Object.keys(run.cpuUs)))] : [];
  return {
    name,
    runs: list.length,
    totalCost: perOperation ? median(list.map(totalCost).filter((value) => value !== null)) : null,
    costs: Object.fromEntries(names.map((each) => [each, median(list.map((run) => costs(run)[each] ?? 0))])),
    busyCores: median(list.map((run) => run.busyCores)),
    foreignCores: median(list.map((run) => run.foreignCores)),
    stolenCores: median(list.map((run) => run.stolenCores)),
    backlogMaxBytes: median(list.map((run) => Math.max(...run.series.backlog))),
    persistedAfterSeconds: median(list.map((run) => run.persistedAfterSeconds)),
  };
}

function medianCosts(points) {
  return Object.fromEntries(points.map(({name, totalCost: value}) => [name, value]));
}

function mapValues(object, change) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}
