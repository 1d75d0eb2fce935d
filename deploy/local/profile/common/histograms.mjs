// Differences between two scrapes of /metrics.

// parseLabels('{loop="0",le="0.1"}'): { loop: '0', le: '0.1' }
function parseLabels(text) {
  const labels = {};
  for (const [, name, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) labels[name] = value;
  return labels;
}

function* series(samples, name) {
  for (const [key, value] of samples) {
    const brace = key.indexOf('{');
    if ((brace < 0 ? key : key.slice(0, brace)) !== name) continue;
    yield [brace < 0 ? {} : parseLabels(key.slice(brace)), value];
  }
}

// total(samples, name, { code: 'conflict' }): the sum over all series with these labels.
export function total(samples, name, wanted = {}) {
  let sum = 0;
  for (const [labels, value] of series(samples, name)) {
    if (Object.entries(wanted).every(([label, text]) => labels[label] === text)) sum += value;
  }
  return sum;
}

export function delta(before, after, name, wanted = {}) {
  return total(after, name, wanted) - total(before, name, wanted);
}

// histogram(before, after, name): { count, mean, p50, p99 } of what was observed in between, over
// all labels. Quantiles are interpolated within their bucket; in the last, open one they are its
// lower bound.
export function histogram(before, after, name) {
  const buckets = new Map();
  for (const [samples, sign] of [
    [after, 1],
    [before, -1],
  ]) {
    for (const [labels, value] of series(samples, `${name}_bucket`)) {
      const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
      buckets.set(bound, (buckets.get(bound) ?? 0) + sign * value);
    }
  }
  const bounds = [...buckets.entries()].sort(([a], [b]) => a - b);
  const count = delta(before, after, `${name}_count`);
  const sum = delta(before, after, `${name}_sum`);
  return {
    count,
    mean: count > 0 ? sum / count : 0,
    p50: quantile(bounds, 0.5),
    p99: quantile(bounds, 0.99),
  };
}

function quantile(bounds, q) {
  const all = bounds.at(-1)?.[1] ?? 0;
  if (all <= 0) return 0;
  const wanted = q * all;
  let lower = 0;
  let below = 0;
  for (const [bound, upto] of bounds) {
    if (upto >= wanted) {
      if (bound === Infinity) return lower;
      return lower + ((bound - lower) * (wanted - below)) / Math.max(upto - below, 1e-12);
    }
    lower = bound;
    below = upto;
  }
  return lower;
}
