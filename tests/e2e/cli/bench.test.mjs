// ./topgun bench for real, on one short row: reports, exit codes, going on after an interruption.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

const topgun = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../topgun');
const dir = mkdtempSync('/tmp/topgun-bench-test.');
test.after(() => rmSync(dir, {recursive: true, force: true}));
const out = path.join(dir, 'out');
const json = path.join(dir, 'report.json');

// `onLine` sees what it says meanwhile and may signal it.
function bench(args, onLine = () => {}) {
  return new Promise((resolve) => {
    const child = spawn(topgun, ['bench', '--no-build', ...args]);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => { stdout += chunk; });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      for (const line of String(chunk).split('\n')) onLine(line, child);
    });
    child.on('close', (code) => resolve({code, stdout, stderr}));
  });
}

const write = (name, content) => {
  const file = path.join(dir, name);
  writeFileSync(file, JSON.stringify(content));
  return file;
};

// Figures of a report, all `factor` times as high.
function doctored(factor) {
  const report = JSON.parse(readFileSync(json, 'utf8'));
  for (const metric of report.rows[0].metrics) metric.median *= factor;
  return report;
}

test('an interrupted suite takes its cluster down and goes on later', async () => {
  const interrupted = await bench(['--row', 'put', '--duration', '2s', '--runs', '2', '--out', out], (line, child) => {
    if (/run 2 of 2: load/.test(line)) child.kill('SIGINT');
  });
  assert.equal(interrupted.code, 130, interrupted.stderr);
  assert.match(interrupted.stderr, /--resume .* takes the 1 missing runs/);
  assert.deepEqual(readdirSync(path.join(out, 'runs/put')), ['all.1.json']);
  assert.equal(existsSync(path.join(out, 'work/cluster')), false);

  const {code, stdout, stderr} = await bench(['--resume', out, '--json', json]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /put +acknowledged, op\/s +>= 150 000/);
});

test('the report has every process, the persistence and the machine', () => {
  const report = JSON.parse(readFileSync(json, 'utf8'));
  const [row] = report.rows;
  assert.equal(row.runs.length, 2);
  for (const run of row.runs) {
    assert.deepEqual(run.problems, []);
    assert.deepEqual(Object.keys(run.cpuUs).sort(), ['gateway-0', 'loadgen', 'postgres', 'redis', 'storage-0', 'sync-0']);
    for (const us of Object.values(run.cpuUs)) assert.ok(us > 0);
    assert.ok(run.ops > 0 && run.persistedAfterSeconds !== null && run.series.t.length > 3 && run.feedBytes > 0);
  }
  assert.ok(row.metrics.every(({median, target, verdict}) => Number.isFinite(median) && (target === null || verdict)));
  assert.ok(report.machine.cores > 0 && report.versions.redis.startsWith('7.'));
  assert.match(readFileSync(path.join(out, 'bench.html'), 'utf8'), /<svg/);
});

test('a comparison fails with a base that was better, and with nothing else', async () => {
  const same = await bench(['--resume', out, '--compare', json]);
  assert.equal(same.code, 0, same.stderr);
  const better = await bench(['--resume', out, '--compare', write('better.json', doctored(3)), '--tolerance', '50%']);
  assert.equal(better.code, 1, better.stderr);
  assert.match(better.stdout, /acknowledged, op\/s .*worse by more than 50%/);
  const other = await bench(['--resume', out, '--compare', write('other.json', {tool: 'another'})]);
  assert.equal(other.code, 3);
  assert.match(other.stderr, /other\.json is no report of this suite/);
});

test('usage errors name what is wrong and start nothing', async () => {
  for (const [args, words] of [[['--row', 'puts'], /no row 'puts'; there are put/], [['--runs', 'x'], /--runs takes/], [['--resume', dir], /there is no suite in/]]) {
    const {code, stderr} = await bench(args);
    assert.equal(code, 3, stderr);
    assert.match(stderr, words);
  }
});
