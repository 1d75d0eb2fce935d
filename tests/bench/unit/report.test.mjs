import assert from 'node:assert/strict';
import test from 'node:test';

import {figure, table} from '../report/format.mjs';
import {renderHtml} from '../report/html.mjs';
import {BEGIN, END, insertResults} from '../report/markdown.mjs';
import {byKind} from '../report/cost_table.mjs';
import {renderComparison, renderList, renderReport} from '../report/terminal.mjs';
import {summarizeRow} from '../results.mjs';
import {rows} from '../rows/index.mjs';
import {sampleRun} from './sample_run.mjs';

function sampleReport(title = 'PUT') {
  const [put] = rows;
  const runs = [sampleRun({rate: 78_994}), sampleRun({rate: 80_000}), sampleRun({rate: 160_000, problems: ['a <b> & c']})];
  return {
    tool: 'topgun-bench', format: 1, started: '2026-01-02T03:04:05Z', finished: '2026-01-02T03:14:05Z', request: {mode: 'quick'},
    machine: {cpu: 'some <CPU>', cores: 2, memoryBytes: 2 ** 34, kernel: '6.1', system: 'Debian'},
    versions: {topgun: 'abc', programs: '123', redis: '7.0', postgres: '15', node: '18'},
    rows: [{...summarizeRow({...put, title}, {all: runs}), runs}],
  };
}

// Every element is closed in order; returns the names met. Enough of a parser for a page without scripts.
function checkNesting(page) {
  const open = [];
  const names = new Set();
  for (const [, closing, name, selfClosing] of page.matchAll(/<(\/?)([a-zA-Z][a-zA-Z0-9]*)(?:"[^"]*"|[^">])*?(\/?)>/g)) {
    names.add(name);
    if (closing) assert.equal(open.pop(), name);
    else if (!selfClosing && !['meta', 'br'].includes(name)) open.push(name);
  }
  assert.deepEqual(open, []);
  return names;
}

test('figures have about three digits and thousands apart', () => {
  assert.deepEqual(
      [78_994.4, 1_234_567, 99.94, 14.86, 0.423, 0.0016, 0, -1500].map(figure),
      ['78 994', '1 234 567', '99.9', '14.9', '0.42', '0.0016', '0.00', '-1 500']);
  assert.deepEqual([null, undefined, NaN, Infinity].map(figure), ['-', '-', '-', 'inf']);
});

test('a table is as wide as its cells', () => {
  assert.equal(table(['a', 'bb'], [['xxx', 1], ['y', 22]], new Set([1])), 'a    bb\n---  --\nxxx   1\ny    22');
});

test('the terminal shows targets, medians, verdicts, costs and failures', () => {
  const text = renderReport(sampleReport());
  for (const part of ['>= 150 000', '79 497', '78 994 .. 80 000', '0.53x', 'missed', 'gateway', '4.00', 'put: a <b> & c']) {
    assert.ok(text.includes(part), `${part} in:\n${text}`);
  }
});

test('every form of the report says when other programs disturbed the runs', () => {
  const report = sampleReport();
  assert.ok(!renderReport(report).includes('Other programs'));
  report.rows[0].points[0].foreignCores = 0.7;
  for (const text of [renderReport(report), renderHtml(report), insertResults(null, report)]) {
    assert.match(text, /Other programs used cores meanwhile.*put \(0\.70\)/);
  }
});

test('processes of a kind are one', () => {
  assert.deepEqual(byKind({'gateway-0': 1, 'gateway-1': 2, redis: 4}), {gateway: 3, redis: 4});
});

test('the list shows every row', () => {
  const text = renderList(rows);
  for (const {name} of rows) assert.ok(text.includes(name), name);
});

test('a comparison names what is worse', () => {
  const line = {row: 'put', title: 'acknowledged', unit: 'op/s', old: 100, now: 50, ratio: 0.5, beyond: true};
  assert.match(renderComparison([line, {...line, row: 'single', beyond: false}], 0.1), /put .* 0\.50x +worse by more than 10%\nsingle .* 0\.50x$/);
});

test('the page is well-formed, has charts, and needs nothing from outside', () => {
  const page = renderHtml(sampleReport('<script>alert(1)</script>'));
  const names = checkNesting(page);
  assert.ok(names.has('svg') && names.has('polyline') && names.has('table'));
  assert.ok(!names.has('script') && !names.has('link') && !names.has('img'));
  assert.ok(!/https?:|url\(|@import/.test(page));
  assert.ok(!/NaN|undefined|Infinity/.test(page));
  assert.ok(page.includes('some &lt;CPU&gt;') && page.includes('&lt;script&gt;alert(1)'));
});

test('the page of a suite whose only run failed is well-formed, too', () => {
  const runs = [{point: 'all', valid: false, problems: ['no'], ops: 0, cpuUs: {}}];
  const page = renderHtml({...sampleReport(), rows: [{...summarizeRow(rows[0], {all: runs}), runs}]});
  checkNesting(page);
  assert.ok(!/NaN|undefined|Infinity/.test(page));
});

test('results replace the marked section of a page, and only that', () => {
  const page = `# Speed\n\n${BEGIN}\nold\n${END}\n\nwords\n`;
  const inserted = insertResults(page, sampleReport());
  assert.ok(inserted.startsWith(`# Speed\n\n${BEGIN}\n`) && inserted.endsWith(`${END}\n\nwords\n`) && !inserted.includes('old'));
  assert.ok(inserted.includes('| `put`: PUT | acknowledged |'));
  assert.equal(insertResults(inserted, sampleReport()), inserted);
  assert.throws(() => insertResults('# Other\n', sampleReport()), /no section between/);
  assert.ok(insertResults(null, sampleReport()).startsWith(BEGIN));
});
