// Numbers for people. Pure.

// Three significant digits or so, thousands apart: 78 994, 14.9, 0.42, 0.0016.
export function figure(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '-';
  if (!Number.isFinite(value)) return 'inf';
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 || size === 0 ? 2 : 4;
  const [whole, fraction] = value.toFixed(digits).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ' ');
  return fraction ? `${grouped}.${fraction}` : grouped;
}

export function target({better, target: value, unit}) {
  if (value === null || value === undefined) return '-';
  return `${better === 'higher' ? '>=' : '<='} ${figure(value)} ${unit}`.trim();
}

export function ratio(value) {
  // A figure of 0 that should be small has no ratio.
  return Number.isFinite(value) ? `${figure(value)}x` : '-';
}

// The least and the greatest of several runs.
export function range({count, min, max}) {
  return count > 1 ? `${figure(min)} .. ${figure(max)}` : '';
}

export function mebibytes(bytes) {
  return bytes === null || bytes === undefined ? '-' : figure(bytes / 2 ** 20);
}

export function seconds(value) {
  const rounded = Math.round(value);
  if (rounded < 90) return `${rounded} s`;
  if (rounded < 5400) return `${Math.round(rounded / 60)} min`;
  return `${(rounded / 3600).toFixed(1)} h`;
}

// Columns as wide as their widest cell; `right` holds the indices of those aligned to the right.
export function table(header, rows, right = new Set()) {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => String(row[i]).length)));
  const pad = (cell, i) => right.has(i) ? String(cell).padStart(widths[i]) : String(cell).padEnd(widths[i]);
  const render = (cells) => cells.map(pad).join('  ').trimEnd();
  return [render(header), widths.map((width) => '-'.repeat(width)).join('  ').trimEnd(), ...rows.map(render)].join('\n');
}
