// The report as a section of a page in Markdown. Pure: the caller reads and writes the page.
import {figure, mebibytes, ratio, target} from './format.mjs';
import {byKind, notes} from './terminal.mjs';

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

export function renderMarkdown(report) {
  const {machine, versions, request} = report;
  return [
    `${request.mode === 'full' ? 'Full' : 'Quick'} suite of ${versions.topgun}, ${report.finished.slice(0, 10)}: ${machine.cores} cores of ${machine.cpu}, ` +
      `${Math.round(machine.memoryBytes / 2 ** 30)} GB, ${machine.system}, Linux ${machine.kernel}; Redis ${versions.redis}, PostgreSQL ${versions.postgres}.`,
    '',
    ...pipes(['workload', 'figure', 'reference', 'target', 'median', 'min .. max', 'ratio', ''], report.rows.flatMap((row) => row.metrics.map((metric, i) => [
      i === 0 ? `\`${row.name}\`: ${row.title}` : '', metric.title, metric.reference ?? '-', target(metric), `${figure(metric.median)} ${metric.unit}`.trim(),
      metric.count > 1 ? `${figure(metric.min)} .. ${figure(metric.max)}` : '', ratio(metric.ratio), metric.verdict,
    ]))),
    '',
    'Microseconds of CPU per acknowledged operation:',
    '',
    ...costTable(report.rows),
    ...notes(report.rows).flatMap((note) => ['', note]),
  ].join('\n');
}

function costTable(rows) {
  const lines = rows.flatMap((row) => row.points.filter(({totalCost}) => totalCost !== null).map((point) => ({row, point, costs: byKind(point.costs)})));
  const kinds = [...new Set(lines.flatMap(({costs}) => Object.keys(costs)))];
  return pipes(['workload', 'all', ...kinds, 'cores busy', 'largest backlog', 'all in Postgres after'], lines.map(({row, point, costs}) => [
    point.name === 'all' ? `\`${row.name}\`` : `\`${row.name}\` ${point.name}`, figure(point.totalCost), ...kinds.map((kind) => figure(costs[kind] ?? null)),
    figure(point.busyCores), `${mebibytes(point.backlogMaxBytes)} MiB`, `${figure(point.persistedAfterSeconds)} s`,
  ]));
}

function pipes(header, rows) {
  const render = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [render(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(render)];
}
