// Two reports side by side: is anything worse than before, beyond a tolerance? Pure.
import {goodness} from './results.mjs';

// [{row, metric, unit, old, now, ratio, beyond}] for what both reports have; a ratio above 1 is an improvement. `tolerance` is a share.
export function compareReports(old, now, tolerance) {
  const lines = [];
  for (const row of now.rows) {
    const oldRow = old.rows.find(({name}) => name === row.name);
    for (const metric of row.metrics) {
      const before = oldRow?.metrics.find(({name}) => name === metric.name);
      if (!isFigure(before?.median) || !isFigure(metric.median)) continue;
      const ratio = goodness(metric.better, metric.median, before.median);
      const {name, title, unit, median} = metric;
      lines.push({row: row.name, metric: name, title, unit, old: before.median, now: median, ratio, beyond: ratio < 1 - tolerance});
    }
  }
  return lines;
}

function isFigure(value) {
  return typeof value === 'number';
}
