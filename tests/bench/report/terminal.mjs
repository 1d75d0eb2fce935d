// The report as text. Pure.
import {figure, mebibytes, ratio, table, target} from './format.mjs';

const NUMBERS = new Set([2, 4, 5, 6]);
const TARGETS_HEADER = ['row', 'figure', 'target', 'reference', 'median', 'min .. max', 'ratio', 'verdict'];
const COSTS_TITLE = 'CPU in us per acknowledged operation, from the first connection until all is in Postgres. Beside it, the cores busy under load,\n' +
  'the largest backlog of Postgres, and how long after the load everything was in Postgres.';

export function renderReport(report) {
  return [
    renderTargets(report.rows), '', COSTS_TITLE, '',
    renderCosts(report.rows), ...report.rows.flatMap(({name, problems}) => problems.map((problem) => `${name}: ${problem}`)), ...notes(report.rows).map((note) => `\n${note}`),
  ].join('\n');
}

export function renderTargets(rows) {
  return table(TARGETS_HEADER, rows.flatMap((row) => row.metrics.map((metric, i) => [
    i === 0 ? row.name : '', withUnit(metric), target({...metric, unit: ''}).trim(), metric.reference ?? '-', figure(metric.median),
    metric.count > 1 ? `${figure(metric.min)} .. ${figure(metric.max)}` : '', ratio(metric.ratio), metric.verdict,
  ])), NUMBERS);
}

function withUnit({title, unit}) {
  return unit ? `${title}, ${unit}` : title;
}

// Rows and processes; services of one kind are one column.
export function renderCosts(rows) {
  const lines = rows.flatMap((row) => row.points.filter(({totalCost}) => totalCost !== null).map((point) => ({row, point})));
  const kinds = [...new Set(lines.flatMap(({point}) => Object.keys(byKind(point.costs))))];
  const cells = lines.map(({row, point}) => {
    const costs = byKind(point.costs);
    return [point.name === 'all' ? row.name : `${row.name} ${point.name}`, figure(point.totalCost), ...kinds.map((kind) => figure(costs[kind] ?? null)), figure(point.busyCores), mebibytes(point.backlogMaxBytes), figure(point.persistedAfterSeconds)];
  });
  const header = ['row', 'all', ...kinds, 'cores', 'backlog MiB', 'persisted after s'];
  return table(header, cells, new Set([...header.keys()].slice(1)));
}

// Costs of gateway-0, gateway-1, ... as one of `gateway`.
export function byKind(costs) {
  const sums = {};
  for (const [name, value] of Object.entries(costs)) {
    const kind = name.replace(/-\d+$/, '');
    sums[kind] = (sums[kind] ?? 0) + value;
  }
  return sums;
}

const NOTEWORTHY_CORES = 0.1;

// What a reader should know before trusting the figures; lines.
export function notes(rows) {
  const disturbed = rows.flatMap(({name, points}) => {
    const most = Math.max(0, ...points.map(({foreignCores, stolenCores}) => foreignCores + stolenCores));
    return most > NOTEWORTHY_CORES ? [`${name} (${figure(most)})`] : [];
  });
  return disturbed.length === 0 ? [] : [`Other programs used cores meanwhile, which makes figures worse: ${disturbed.join(', ')}.`];
}

export function renderList(rows) {
  // Figures with a target, or the first one.
  const wanted = ({metrics}) => {
    const aimedAt = metrics.filter(({target: value}) => value !== undefined);
    return aimedAt.length > 0 ? aimedAt : metrics.slice(0, 1);
  };
  return table(['row', 'figure', 'target', 'reference server', 'workload'], rows.flatMap((row) => wanted(row).map((metric, i) => [
    i === 0 ? row.name : '', metric.title, target(metric), metric.reference ?? '-', i === 0 ? row.title : '',
  ])));
}

export function renderComparison(lines, tolerance) {
  const header = ['row', 'figure', 'before', 'now', 'ratio', ''];
  const cells = lines.map(({row, title, unit, old, now, ratio: value, beyond}) => [row, withUnit({title, unit}), figure(old), figure(now), ratio(value), beyond ? `worse by more than ${Math.round(tolerance * 100)}%` : '']);
  return table(header, cells, new Set([2, 3, 4]));
}
