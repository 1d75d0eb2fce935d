// The table: every row with its workload, its targets and the figures of the reference server.
import {matrixRow} from './matrix.mjs';
import {idleRow, merkleRows} from './merkle.mjs';
import {readRows} from './reads.mjs';
import {soakRow} from './soak.mjs';
import {writeRows} from './writes.mjs';

// A row: {name, title, times: {quick, full}: {warmup, duration} in seconds, runs? (instead of SUITE_RUNS), points, metrics,
// perOperation: false when CPU per operation means nothing}. A point is one workload on one shape of
// cluster: {name?, shape?, env?, preload?, metrics? (gauges to watch), load(times) -> arguments of topgun-loadgen}.
export const rows = [...writeRows, ...readRows, ...merkleRows, idleRow, matrixRow, soakRow];

export const SUITE_RUNS = {quick: 1, full: 5};

export function pointsOf(row, mode) {
  return row.pointsOf?.(mode) ?? row.points;
}

export function findRows(names) {
  if (names.length === 0) return rows;
  return names.map((name) => {
    const row = rows.find((each) => each.name === name);
    if (!row) throw new RangeError(`no row '${name}'; there are ${rows.map((each) => each.name).join(', ')}`);
    return row;
  });
}
