// ./topgun bench: takes the suite's runs, then prints, writes and compares the report. Options: deploy/local/lib/bench.sh.
import {copyFileSync, existsSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';

import {compareReports} from './compare.mjs';
import {describeMachine, describeVersions, programsDigest} from './environment.mjs';
import {UsageError, parseOptions} from './options.mjs';
import {Progress} from './progress.mjs';
import {renderHtml} from './report/html.mjs';
import {insertResults} from './report/markdown.mjs';
import {renderComparison, renderList, renderReport} from './report/terminal.mjs';
import {summarizeRow} from './results.mjs';
import {findRows} from './rows/index.mjs';
import {Suite} from './suite.mjs';
import {root} from './measure/cluster.mjs';

const FORMAT = 1;
const EXIT = {ok: 0, worse: 1, failed: 2, usage: 3, interrupted: 130};

async function main(args) {
  const options = parseOptions(args, {defaultData: path.join(root, '.topgun')});
  const rows = findRows(options.rows);
  if (options.list) {
    console.log(renderList(rows));
    return EXIT.ok;
  }
  const base = options.compare ? readReport(options.compare) : null;
  const suite = openSuite(options);
  const progress = new Progress();
  const interrupted = await takeRuns(suite, progress);
  const report = buildReport(suite);
  if (report.rows.length > 0) publish(report, suite.dir, options);
  if (interrupted) {
    progress.say(`interrupted; ./topgun bench --resume ${suite.dir} takes the ${suite.missing.length} missing runs`);
    return EXIT.interrupted;
  }
  return verdict(report, base, options);
}

function openSuite({resume, out, data, mode, rows, runs, duration}) {
  if (!resume) {
    const dir = out ?? path.join(data, 'bench', new Date().toISOString().slice(0, 19).replaceAll(':', '-'));
    const environment = {started: new Date().toISOString(), machine: describeMachine(), versions: describeVersions()};
    return Suite.create(dir, {mode, rows, runs, duration, ...environment});
  }
  const suite = Suite.resume(resume);
  if (suite.missing.length > 0 && suite.request.versions.programs !== programsDigest()) {
    throw new UsageError(`the suite in ${resume} began with other programs; mixing their figures would be wrong, so start a new one`);
  }
  return suite;
}

// True when the user interrupted it.
async function takeRuns(suite, progress) {
  const abort = new AbortController();
  const onSignal = () => {
    progress.say('stopping; the cluster is being taken down');
    abort.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, onSignal);
  try {
    await suite.run({signal: abort.signal, progress});
  } catch (error) {
    if (!abort.signal.aborted) throw error;
  } finally {
    progress.stop();
  }
  return abort.signal.aborted;
}

function buildReport(suite) {
  const {machine, versions, started, ...request} = suite.request;
  const rows = suite.results().map(({row, runs}) => ({...summarizeRow(row, runs), runs: Object.values(runs).flat()}));
  return {tool: 'topgun-bench', format: FORMAT, started, finished: new Date().toISOString(), request, machine, versions, rows};
}

function publish(report, dir, options) {
  const json = path.join(dir, 'bench.json');
  const html = path.join(dir, 'bench.html');
  writeFileSync(json, `${JSON.stringify(report)}\n`);
  writeFileSync(html, renderHtml(report));
  if (options.json) copyFileSync(json, options.json);
  if (options.html) copyFileSync(html, options.html);
  if (options.markdown) {
    const page = existsSync(options.markdown) ? readFileSync(options.markdown, 'utf8') : null;
    writeFileSync(options.markdown, insertResults(page, report));
  }
  console.log(`${renderReport(report)}\n\n${json}\n${html}`);
}

function verdict(report, base, {tolerance}) {
  if (base) {
    const lines = compareReports(base, report, tolerance);
    if (lines.length === 0) throw new UsageError('the two reports have no figure in common');
    console.log(`\nCompared with ${base.versions.topgun} of ${base.finished}:\n\n${renderComparison(lines, tolerance)}`);
    if (lines.some(({beyond}) => beyond)) return EXIT.worse;
  }
  return report.rows.some(({problems}) => problems.length > 0) ? EXIT.failed : EXIT.ok;
}

function readReport(file) {
  let report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${error.message}`);
  }
  if (report.tool !== 'topgun-bench' || report.format !== FORMAT) throw new UsageError(`${file} is no report of this suite (format ${FORMAT})`);
  return report;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const usage = error instanceof UsageError || error instanceof RangeError;
  process.stderr.write(`bench: error: ${error.message}${usage ? '; see ./topgun bench --help' : ''}\n`);
  process.exitCode = usage ? EXIT.usage : EXIT.failed;
}
