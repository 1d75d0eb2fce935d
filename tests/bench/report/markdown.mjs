// The report as a section of a page in Markdown. Pure: the caller reads and writes the page.
import {costTable} from './cost_table.mjs';
import {figure, mebibytes, range, ratio, target} from './format.mjs';
import {notes} from './terminal.mjs';

export const BEGIN = '<!-- bench: results begin -->';
export const END = '<!-- bench: results end -->';

// `page` with its marked section replaced; the section alone when there is no page yet.
export function insertResults(page, report) {
  const section = `${BEGIN}\n${renderMarkdown(report)}\n${END}`;
  if (page === null) return `${section}\n`;
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no section between ${BEGIN} and ${END}`);
  return page.slice(0, begin) + section + page.slice(end + END.length);
}

function renderMarkdown(report) {
  return [
    origin(report),
    '',
    ...targetsTable(report.rows),
    '',
    'Microseconds of CPU per acknowledged operation:',
    '',
    ...costsTable(report.rows),
    ...notes(report.rows).flatMap((note) => ['', note]),
  ].join('\n');
}

function origin({machine, versions, request, finished}) {
  return `${request.mode === 'full' ? 'Full' : 'Quick'} suite of ${versions.topgun}, ${finished.slice(0, 10)}: ` +
    `${machine.cores} cores of ${machine.cpu}, ${Math.round(machine.memoryBytes / 2 ** 30)} GB, ${machine.system}, ` +
    `Linux ${machine.kernel}; Redis ${versions.redis}, PostgreSQL ${versions.postgres}.`;
}

function targetsTable(rows) {
  const cells = rows.flatMap((row) => row.metrics.map((metric, i) => [
    i === 0 ? `\`${row.name}\`: ${row.title}` : '', metric.title, metric.reference ?? '-', target(metric),
    `${figure(metric.median)} ${metric.unit}`.trim(), range(metric), ratio(metric.ratio), metric.verdict,
  ]));
  return pipes(['workload', 'figure', 'reference', 'target', 'median', 'min .. max', 'ratio', ''], cells);
}

function costsTable(rows) {
  const {kinds, lines} = costTable(rows);
  const cells = lines.map(({label, point, costs}) => [
    label, figure(point.totalCost), ...kinds.map((kind) => figure(costs[kind])),
    figure(point.busyCores), `${mebibytes(point.backlogMaxBytes)} MiB`, `${figure(point.persistedAfterSeconds)} s`,
  ]);
  return pipes(['workload', 'all', ...kinds, 'cores busy', 'largest backlog', 'all in Postgres after'], cells);
}

function pipes(header, rows) {
  const render = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [render(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(render)];
}
