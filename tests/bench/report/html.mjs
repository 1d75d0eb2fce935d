// The report as one page that needs nothing else: tables and inline charts. Pure.
import {costTable} from './cost_table.mjs';
import {figure, range, ratio, target} from './format.mjs';
import {escape, lineChart, ratioBars, stackedBars} from './svg.mjs';
import {notes} from './terminal.mjs';

const STYLE = `
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #222; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; } h3 { font-size: 1rem; margin-bottom: .3rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.met { color: #2c7238; } .missed, .failed { color: #a02c4c; font-weight: 600; } .invalid { color: #8a6d1f; }
svg { width: 100%; height: auto; } .charts svg { width: 32.5%; } svg text { font: 11px system-ui, sans-serif; fill: #333; }
svg .title { font-weight: 600; } svg .axis { stroke: #999; stroke-width: 1; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { color: #666; } dd { margin: 0; }
pre { white-space: pre-wrap; background: #f5f5f5; padding: .5rem; }`;

export function renderHtml(report) {
  return `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>TopGun cluster: benchmark</title><style>${STYLE}</style></head><body>
<h1>TopGun cluster: benchmark</h1>
${facts(report)}
<h2>Targets</h2>
${targetsTable(report.rows)}
${ratios(report.rows)}
<h2>CPU per acknowledged operation</h2>
<p>Of all processes, from before the first connection until the last change was in Postgres; medians, in microseconds.</p>
${costs(report.rows)}
<h2>Over time</h2>
${report.rows.map(overTime).join('\n')}
</body></html>
`;
}

function facts({machine, versions, request, started, finished}) {
  const pairs = {
    suite: `${request.mode}${request.duration ? `, ${request.duration} s a run` : ''}`, from: started, to: finished,
    machine: `${machine.cores} cores of ${machine.cpu}, ${Math.round(machine.memoryBytes / 2 ** 30)} GB, ${machine.system}, Linux ${machine.kernel}`,
    programs: `${versions.topgun} (${versions.programs}), Redis ${versions.redis}, PostgreSQL ${versions.postgres}`,
  };
  return `<dl>${Object.entries(pairs).map(([name, value]) => `<dt>${escape(name)}</dt><dd>${escape(value)}</dd>`).join('')}</dl>`;
}

const HEADER = '<tr><th>workload</th><th>figure</th><th>reference server</th><th class="n">target</th><th class="n">median</th>' +
  '<th class="n">min .. max</th><th class="n">ratio</th><th></th></tr>';

function targetsTable(rows) {
  const lines = rows.flatMap((row) => row.metrics.map((metric, i) => metricLine(i === 0 ? row : null, metric)));
  const problems = rows.flatMap(({name, problems: list}) => list.map((problem) => `<pre>${escape(`${name}: ${problem}`)}</pre>`));
  const remarks = notes(rows).map((note) => `<p>${escape(note)}</p>`);
  return `<table>${HEADER}\n${lines.join('\n')}</table>${problems.join('')}${remarks.join('')}`;
}

// `row` only in the first line of its figures.
function metricLine(row, metric) {
  const numbers = [escape(target(metric)), `${figure(metric.median)} ${escape(metric.unit)}`, range(metric), ratio(metric.ratio)];
  return `<tr><td>${row ? `<b>${escape(row.name)}</b><br>${escape(row.title)}` : ''}</td><td>${escape(metric.title)}</td>` +
    `<td>${escape(metric.reference ?? '')}</td>${numbers.map((number) => `<td class="n">${number}</td>`).join('')}` +
    `<td class="${metric.verdict}">${metric.verdict}</td></tr>`;
}

function ratios(rows) {
  const lines = rows.flatMap((row) => row.metrics.filter(({ratio: value}) => Number.isFinite(value) && value > 0)
    .map((metric) => ({label: `${row.name}: ${metric.title}`, ratio: metric.ratio, verdict: metric.verdict})));
  return lines.length === 0 ? '' : ratioBars({label: 'Ratio to the target; right of the line it is met', lines});
}

function costs(rows) {
  const lines = costTable(rows).lines.map(({label, costs: parts}) => ({label, parts}));
  return lines.length === 0 ? '' : stackedBars({label: 'CPU per operation by process', unit: 'us', lines});
}

// The run in the middle by throughput, of the first point.
function overTime(row) {
  const runs = row.runs.filter(({series, point}) => series && point === row.runs[0].point).sort((a, b) => a.ops - b.ops);
  const run = runs[runs.length >> 1];
  if (!run) return '';
  const {t, backlog} = run.series;
  const names = Object.keys(run.series).filter((name) => name.startsWith('rss ')).map((name) => name.slice(4));
  const until = t.filter((each) => each <= run.loadSeconds).length;
  const inTime = (name) => name === 'loadgen' ? until : t.length;
  const cores = names.map((name) => rates(name, t.slice(0, inTime(name)), run.series[`cpu ${name}`]));
  const memory = names.map((name) => ({name, xs: t.slice(0, inTime(name)), ys: mebibytes(run.series[`rss ${name}`]).slice(0, inTime(name))}));
  return `<h3>${escape(row.name)}</h3><div class="charts">` +
    lineChart({label: 'CPU', unit: 'cores', lines: cores}) + lineChart({label: 'Memory', unit: 'MiB', lines: memory}) +
    lineChart({label: 'Backlog of Postgres', unit: 'MiB', lines: [{name: 'backlog', xs: t, ys: mebibytes(backlog)}]}) + '</div>';
}

const mebibytes = (series) => series.map((bytes) => bytes / 2 ** 20);

// Cores in use between neighbouring samples of the CPU time in microseconds.
function rates(name, t, cpuUs) {
  const xs = t.slice(1);
  return {name, xs, ys: xs.map((x, i) => x > t[i] ? Math.max(0, cpuUs[i + 1] - cpuUs[i]) / 1e6 / (x - t[i]) : 0)};
}
