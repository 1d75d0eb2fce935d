// The command line. Whatever is wrong with it becomes a UsageError that names the offending argument.
import path from 'node:path';
import {parseArgs} from 'node:util';

export class UsageError extends Error {}

const OPTIONS = {
  quick: {type: 'boolean'},
  full: {type: 'boolean'},
  list: {type: 'boolean'},
  row: {type: 'string', multiple: true},
  runs: {type: 'string'},
  duration: {type: 'string'},
  out: {type: 'string'},
  resume: {type: 'string'},
  json: {type: 'string'},
  html: {type: 'string'},
  markdown: {type: 'string'},
  compare: {type: 'string'},
  tolerance: {type: 'string'},
  data: {type: 'string'},
};
const RUNS_MAX = 100;
const NOT_WITH_RESUME = ['quick', 'full', 'row', 'runs', 'duration', 'out'];
const SECONDS_PER_UNIT = {'': 1, s: 1, m: 60, h: 3600};

// {mode, rows: names, runs?, duration? (seconds), list, out?, resume?, json?, html?, markdown?, compare?, tolerance (a share), data}.
export function parseOptions(args, {defaultData}) {
  const values = parse(args);
  if (values.quick && values.full) throw new UsageError('--quick and --full exclude each other');
  if (values.resume) {
    const other = NOT_WITH_RESUME.find((name) => values[name] !== undefined);
    if (other) throw new UsageError(`--${other} was decided when the suite of --resume began; leave it out`);
  }
  if (values.tolerance && !values.compare) throw new UsageError('--tolerance is of use with --compare only');
  return {
    mode: values.full ? 'full' : 'quick',
    rows: values.row ?? [],
    runs: values.runs === undefined ? undefined : parseRuns(values.runs),
    duration: values.duration === undefined ? undefined : parseDuration(values.duration),
    list: values.list ?? false,
    tolerance: parseShare(values.tolerance ?? '10%'),
    data: path.resolve(values.data ?? defaultData),
    ...absolute(values, ['out', 'resume', 'json', 'html', 'markdown', 'compare']),
  };
}

function parse(args) {
  try {
    return parseArgs({args, options: OPTIONS, strict: true, allowPositionals: false}).values;
  } catch (error) {
    throw new UsageError(error.message.split('. ')[0].replace(/\.$/, ''));
  }
}

function absolute(values, names) {
  return Object.fromEntries(names.filter((name) => values[name] !== undefined).map((name) => [name, path.resolve(values[name])]));
}

function parseRuns(text) {
  const runs = Number(text);
  if (!/^\d+$/.test(text) || runs < 1 || runs > RUNS_MAX) throw new UsageError(`--runs takes a number from 1 to ${RUNS_MAX}, not '${text}'`);
  return runs;
}

export function parseDuration(text) {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text) ?? [];
  const seconds = Number(number) * SECONDS_PER_UNIT[unit];
  if (!(seconds >= 1)) throw new UsageError(`--duration takes a time of at least a second such as 30s or 5m, not '${text}'`);
  return seconds;
}

export function parseShare(text) {
  const [, number] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? [];
  if (number === undefined || Number(number) >= 100) throw new UsageError(`--tolerance takes a percentage below 100% such as 10%, not '${text}'`);
  return Number(number) / 100;
}
