// The HTML file of bubble: one bar per kind of trip, and waterfalls. Works offline.

import { HOPS, quantile } from './trips.mjs';

const COLORS = {
  gateway: ['#2f6f9f', '#4b8cbc', '#6da7d1', '#93c0e0', '#b7d6ec'],
  gRPC: ['#8a8f98', '#a7abb2', '#c1c4c9'],
  sync: ['#3f8f5f', '#5cab7a', '#80c298', '#a6d6b7'],
  Redis: ['#b5473c', '#d0685d'],
  storage: ['#8b6bb1', '#a98bcb'],
  Postgres: ['#c98a2b'],
};

// Hops of one place get its shades in turn.
function colorOf(key) {
  const [where] = HOPS[key];
  const index = Object.keys(HOPS)
    .filter((other) => HOPS[other][0] === where)
    .indexOf(key);
  return COLORS[where][index % COLORS[where].length];
}

const STYLE = `
:root { color-scheme: light dark; --line: #8884; }
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.5rem; } h3 { font-size: 1rem; }
.bar { display: flex; height: 2rem; border-radius: 4px; overflow: hidden; }
.bar span { min-width: 1px; }
table { border-collapse: collapse; width: 100%; margin: .8rem 0; font-variant-numeric: tabular-nums; }
td, th { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid var(--line); font-weight: normal; }
td:first-child, th:first-child { text-align: left; }
i { display: inline-block; width: .8em; height: .8em; margin-right: .5em; border-radius: 2px; }
.fall { margin: .3rem 0 1.2rem; border-left: 1px solid var(--line); }
.fall div { display: flex; align-items: center; height: 1.15rem; position: relative; }
.fall b { position: absolute; height: .8rem; border-radius: 2px; min-width: 2px; }
.fall em { position: absolute; font-style: normal; font-size: .75rem; white-space: nowrap; padding: 0 .3rem; }
.note { opacity: .75; }
`;

function escape(text) {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
}

function ms(value) {
  return `${value >= 10 ? value.toFixed(1) : value.toFixed(3)} ms`;
}

function nameOf(key) {
  return `${HOPS[key][0]}: ${HOPS[key][1]}`;
}

function bar(table) {
  const pieces = table.map(({ key, share, mean }) => {
    const title = escape(`${nameOf(key)}: ${(share * 100).toFixed(1)}%, mean ${ms(mean)}`);
    return `<span style="flex:${share};background:${colorOf(key)}" title="${title}"></span>`;
  });
  return `<div class="bar">${pieces.join('')}</div>`;
}

function legend(table) {
  const rows = table.map(
    ({ key, count, mean, p50, p99, share }) =>
      `<tr><td><i style="background:${colorOf(key)}"></i>${escape(nameOf(key))}</td><td>${count}</td>` +
      `<td>${ms(mean)}</td><td>${ms(p50)}</td><td>${ms(p99)}</td><td>${(share * 100).toFixed(1)}%</td></tr>`,
  );
  return `<table><tr><th>hop</th><th>count</th><th>mean</th><th>p50</th><th>p99</th><th>share</th></tr>${rows.join('')}</table>`;
}

// One line per hop, at its time after the start.
function waterfall({ hops, duration, label, process }) {
  const start = hops[0].from;
  const whole = Math.max(duration, 1e-6);
  const lines = hops.map(({ key, from, to }) => {
    const left = ((from - start) / whole) * 100;
    const width = ((to - from) / whole) * 100;
    const text = `${escape(nameOf(key))}, ${ms(to - from)}`;
    const beside = left + width > 60 ? `right:${100 - left}%` : `left:${left + width}%`;
    return `<div><b style="left:${left}%;width:${width}%;background:${colorOf(key)}"></b><em style="${beside}">${text}</em></div>`;
  });
  return `<h4>${ms(duration)}: ${escape(label)} (${escape(process)})</h4><div class="fall">${lines.join('')}</div>`;
}

function section({ title, trips, table, examples }) {
  if (trips.length === 0) return `<h2>${escape(title)}</h2><p class="note">None were followed.</p>`;
  const sorted = trips.map(({ duration }) => duration).sort((a, b) => a - b);
  const groups = [
    ['Typical (around p50)', examples.typical],
    ['Slow (around p99)', examples.slow],
    ['The slowest', examples.slowest],
  ].map(([name, list]) => `<details${name.startsWith('T') ? ' open' : ''}><summary>${name}</summary>${list.map(waterfall).join('')}</details>`);
  return (
    `<h2>${escape(title)}</h2><p>${trips.length} followed; p50 ${ms(quantile(sorted, 0.5))}, ` +
    `p99 ${ms(quantile(sorted, 0.99))}, slowest ${ms(sorted.at(-1))}</p>` +
    bar(table) +
    legend(table) +
    groups.join('')
  );
}

export function renderPage({ sections, trips, seconds }) {
  const clocks = trips.joined
    ? 'All processes run on one machine and share its clock.'
    : 'The processes run on several machines: hops between them are left out, only durations within one process count.';
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Where an op waits</title><style>${STYLE}</style></head><body>
<h1>Where an op waits</h1>
<p class="note">Sampled for ${seconds.toFixed(0)} s, ${new Date().toISOString()}. ${clocks}</p>
${sections.map(section).join('\n')}
</body></html>
`;
}
