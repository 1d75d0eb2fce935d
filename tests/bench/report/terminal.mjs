// The report as text. Pure.
import {costTable} from './cost_table.mjs';
import {figure, mebibytes, range, ratio, table, target} from './format.mjs';

const COSTS_TITLE = `CPU in us per acknowledged operation, from the first connection until all is in Postgres. Beside it, the cores busy
under load, the largest backlog of Postgres, and how long after the load everything was in Postgres.`;
const NOTEWORTHY_CORES = 0.1;

export function renderReport({rows}) {
  const problems = rows.flatMap(({name, problems: list}) => list.map((problem) => `${name}: ${problem}`));
  return [renderTargets(rows), '', COSTS_TITLE, '', renderCosts(rows), ...problems, ...notes(rows).map((note) => `\n${note}`)].join('\n');
}

function renderTargets(rows) {
  const header = ['row', 'figure', 'target', 'reference', 'median', 'min .. max', 'ratio', 'verdict'];
  const cells = rows.flatMap((row) => row.metrics.map((metric, i) => [
    i === 0 ? row.name : '', withUnit(metric), target({...metric, unit: ''}), metric.reference ?? '-', figure(metric.median), range(metric),
    ratio(metric.ratio), metric.verdict,
  ]));
  return table(header, cells, new Set([2, 4, 5, 6]));
}

function renderCosts(rows) {
  const {kinds, lines} = costTable(rows);
  const header = ['row', 'all', ...kinds, 'cores', 'backlog MiB', 'persisted after s'];
  const cells = lines.map(({label, point, costs}) => [
    label, figure(point.totalCost), ...kinds.map((kind) => figure(costs[kind])),
    figure(point.busyCores), mebibytes(point.backlogMaxBytes), figure(point.persistedAfterSeconds),
  ]);
  return table(header, cells, new Set([...header.keys()].slice(1)));
}

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

// `lines` as compareReports returns them.
export function renderComparison(lines, tolerance) {
  const cells = lines.map(({row, title, unit, old, now, ratio: value, beyond}) => [
    row, withUnit({title, unit}), figure(old), figure(now), ratio(value), beyond ? `worse by more than ${Math.round(tolerance * 100)}%` : '',
  ]);
  return table(['row', 'figure', 'before', 'now', 'ratio', ''], cells, new Set([2, 3, 4]));
}

function withUnit({title, unit}) {
  return unit ? `${title}, ${unit}` : title;
}
