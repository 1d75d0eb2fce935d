// The runs of a suite: planned, taken one after the other, each kept in a file at once, so that an interrupted suite goes on where it was.
//
//   DIR/suite.json                 what was asked for, and with which programs
//   DIR/runs/ROW/POINT.I.json      a finished run
//   DIR/work/                      the cluster of the run in progress
import {mkdirSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';

import {runPoint} from './measure/run.mjs';
import {findRows, pointsOf, SUITE_RUNS} from './rows/index.mjs';

const OVERHEAD_S = 9;  // starting, stopping, waiting: a first guess, replaced by experience

// [{row, point, pointName, index, of, file, times}] in the order they are taken.
export function plan({mode, rows, runs, duration}, dir) {
  return findRows(rows).flatMap((row) => {
    const count = runs ?? row.runs?.[mode] ?? SUITE_RUNS[mode];
    const times = {...row.times[mode], ...(duration ? {duration} : {})};
    return Array.from({length: count}, (_, i) => pointsOf(row, mode).map((point) => {
      const pointName = point.name ?? 'all';
      return {row, point, pointName, index: i + 1, of: count, times, file: path.join(dir, 'runs', row.name, `${pointName}.${i + 1}.json`)};
    })).flat();
  });
}

export class Suite {
  // A new one in `dir`, which must not hold one.
  static create(dir, request) {
    const file = path.join(dir, 'suite.json');
    if (existsSync(file)) throw new RangeError(`${dir} holds a suite already; continue it with --resume ${dir} or choose another --out`);
    mkdirSync(dir, {recursive: true});
    writeFileSync(file, `${JSON.stringify(request, null, 2)}\n`);
    return new Suite(dir, request);
  }

  static resume(dir) {
    const file = path.join(dir, 'suite.json');
    if (!existsSync(file)) throw new RangeError(`there is no suite in ${dir}`);
    return new Suite(dir, JSON.parse(readFileSync(file, 'utf8')));
  }

  constructor(dir, request) {
    Object.assign(this, {dir, request, jobs: plan(request, dir), overheads: []});
  }

  get missing() {
    return this.jobs.filter(({file}) => !existsSync(file));
  }

  // Takes the missing runs. `progress` is told of phases and results; a run that fails is kept as one with problems.
  async run({signal, progress}) {
    const todo = this.missing;
    for (const [i, job] of todo.entries()) {
      const left = () => this.secondsOf(todo.slice(i));
      const startedAt = performance.now();
      const result = await this.take(job, {signal, onPhase: (phase) => progress.phase(job, phase, left(), startedAt)});
      this.overheads.push((performance.now() - startedAt) / 1000 - job.times.warmup - job.times.duration);
      progress.result(job, result);
    }
    rmSync(path.join(this.dir, 'work'), {recursive: true, force: true});
  }

  async take(job, {signal, onPhase}) {
    const started = new Date().toISOString();
    let outcome;
    try {
      outcome = await runPoint({point: job.point, times: job.times, dir: path.join(this.dir, 'work'), signal, onPhase});
    } catch (error) {
      if (signal.aborted) throw error;
      outcome = {valid: false, problems: [error.message], ops: 0, cpuUs: {}};
    }
    signal.throwIfAborted();
    const result = {row: job.row.name, point: job.pointName, index: job.index, started, times: job.times, ...outcome};
    mkdirSync(path.dirname(job.file), {recursive: true});
    writeFileSync(`${job.file}.new`, JSON.stringify(result));
    renameSync(`${job.file}.new`, job.file);
    return result;
  }

  secondsOf(jobs) {
    const known = this.overheads;
    const overhead = known.length > 0 ? known.reduce((sum, each) => sum + each, 0) / known.length : OVERHEAD_S;
    return jobs.reduce((sum, {times}) => sum + times.warmup + times.duration + overhead, 0);
  }

  // [{row, runs: {point: [run]}}] of everything that has been taken.
  results() {
    const byRow = new Map();
    for (const {row, pointName, file} of this.jobs) {
      if (!byRow.has(row)) byRow.set(row, {});
      const points = byRow.get(row);
      points[pointName] ??= [];
      if (existsSync(file)) points[pointName].push(JSON.parse(readFileSync(file, 'utf8')));
    }
    return [...byRow].map(([row, runs]) => ({row, runs})).filter(({runs}) => Object.values(runs).some((list) => list.length > 0));
  }
}
