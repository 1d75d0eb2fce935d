// Charts as inline SVG, without a script and without anything from outside. Pure.
import {figure} from './format.mjs';

const COLOURS = ['#2f6fb4', '#d2691e', '#3c8d4a', '#b03a5b', '#7a5cb8', '#8a7a2f', '#2f8f8f', '#666666'];

const colour = (i) => COLOURS[i % COLOURS.length];

export function escape(text) {
  return String(text).replace(/[&<>"]/g, (character) => ({'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;'})[character]);
}

const text = (x, y, content, more = '') => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escape(content)}</text>`;
const rect = (x, y, width, height, fill, title) =>
  `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${Math.max(0, width).toFixed(1)}" height="${height}" fill="${fill}">` +
  `<title>${escape(title)}</title></rect>`;
const polyline = (points, more) => `<polyline points="${points.join(' ')}" fill="none" ${more}/>`;

function svg(width, height, label, parts) {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(label)}">${parts.join('')}</svg>`;
}

const LABEL_WIDTH = 260;
const BAR = 16;
const ROW = 24;
const GOOD = '#3c8d4a';
const BAD = '#b03a5b';

// Lines of stacked bars: [{label, parts: {name: value}}], all on one scale.
export function stackedBars({label, unit, lines, width = 900}) {
  const names = [...new Set(lines.flatMap(({parts}) => Object.keys(parts)))];
  const totals = lines.map(({parts}) => Object.values(parts).reduce((sum, value) => sum + value, 0));
  const scale = (width - LABEL_WIDTH - 90) / Math.max(...totals, Number.MIN_VALUE);
  const drawn = lines.flatMap((line, i) => {
    let x = LABEL_WIDTH;
    const y = i * ROW + 4;
    const bars = names.filter((name) => line.parts[name]).map((name) => {
      const size = line.parts[name] * scale;
      x += size;
      return rect(x - size, y, size, BAR, colour(names.indexOf(name)), `${name}: ${figure(line.parts[name])} ${unit}`);
    });
    return [text(LABEL_WIDTH - 8, y + 12, line.label, 'text-anchor="end"'), ...bars, text(x + 6, y + 12, `${figure(totals[i])} ${unit}`)];
  });
  const y = lines.length * ROW + 18;
  return svg(width, y + 10, label, [...drawn, ...legend(names, LABEL_WIDTH, y)]);
}

// Bars of ratios to the target on a logarithmic scale around 1: [{label, ratio, verdict}].
export function ratioBars({label, lines, width = 900}) {
  const span = Math.log(Math.max(2, ...lines.map(({ratio}) => Math.max(ratio, 1 / ratio)).filter(Number.isFinite)));
  const room = (width - LABEL_WIDTH - 140) / 2;
  const middle = LABEL_WIDTH + 60 + room;
  const drawn = lines.flatMap(({label: name, ratio, verdict}, i) => {
    const y = i * ROW + 4;
    const size = room * Math.min(1, Math.abs(Math.log(ratio)) / span);
    const good = ratio >= 1;
    return [
      text(LABEL_WIDTH - 8, y + 12, name, 'text-anchor="end"'),
      rect(good ? middle : middle - size, y, Math.max(1, size), BAR, good ? GOOD : BAD, `${figure(ratio)} x the target, ${verdict}`),
      text(good ? middle + size + 6 : middle - size - 6, y + 12, `${figure(ratio)}x`, good ? '' : 'text-anchor="end"'),
    ];
  });
  const height = lines.length * ROW + 8;
  const axis = `<line x1="${middle}" x2="${middle}" y1="0" y2="${height}" class="axis"/>`;
  return svg(width, height + 14, label, [axis, ...drawn, text(middle, height + 10, 'target', 'text-anchor="middle"')]);
}

// Lines over seconds: [{name, xs, ys}].
export function lineChart({label, unit, lines, width = 440, height = 190}) {
  const left = 56;
  const bottom = height - 44;
  const xMax = Math.max(...lines.flatMap(({xs}) => xs), 1);
  const yMax = Math.max(...lines.flatMap(({ys}) => ys), Number.MIN_VALUE);
  const at = (x, y) => `${(left + (width - left - 8) * x / xMax).toFixed(1)},${(bottom - (bottom - 24) * y / yMax).toFixed(1)}`;
  return svg(width, height, label, [
    text(left, 12, `${label}, ${unit}`, 'class="title"'),
    polyline([at(0, yMax), at(0, 0), at(xMax, 0)], 'class="axis"'),
    text(left - 4, 30, figure(yMax), 'text-anchor="end"'),
    text(left - 4, bottom, '0', 'text-anchor="end"'),
    text(width - 8, bottom + 13, `${figure(xMax)} s`, 'text-anchor="end"'),
    ...lines.map(({xs, ys}, i) => polyline(xs.map((x, j) => at(x, ys[j])), `stroke="${colour(i)}" stroke-width="1.3"`)),
    ...legend(lines.map(({name}) => name), 8, height - 10, (width - 16) / Math.max(6, lines.length)),
  ]);
}

function legend(names, x, y, step = 90) {
  return names.flatMap((name, i) => [rect(x + i * step, y - 8, 9, 9, colour(i), name), text(x + i * step + 12, y, name)]);
}
