// Numbers about numbers: medians, straight lines, and whether something grows. Pure.

export function median(values) {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

// {median, min, max, count} of the values that are numbers; null without any.
export function summary(values) {
  const numbers = values.filter((value) => Number.isFinite(value));
  if (numbers.length === 0) return null;
  return {median: median(numbers), min: Math.min(...numbers), max: Math.max(...numbers), count: numbers.length};
}

// Least squares through (xs, ys): {slope, intercept, error} with the standard error of the slope.
export function line(xs, ys) {
  const n = xs.length;
  if (n < 3) return null;
  const meanX = xs.reduce((sum, x) => sum + x, 0) / n;
  const meanY = ys.reduce((sum, y) => sum + y, 0) / n;
  let xx = 0;
  let xy = 0;
  for (let i = 0; i < n; i++) {
    xx += (xs[i] - meanX) ** 2;
    xy += (xs[i] - meanX) * (ys[i] - meanY);
  }
  if (xx === 0) return null;
  const slope = xy / xx;
  const intercept = meanY - slope * meanX;
  const squares = ys.reduce((sum, y, i) => sum + (y - intercept - slope * xs[i]) ** 2, 0);
  return {slope, intercept, error: Math.sqrt(squares / (n - 2) / xx)};
}

const BLOCKS = 12;
// Student's t with BLOCKS - 2 degrees of freedom, by the chance (one-sided) that noise alone passes for growth.
export const ONE_PERCENT = 2.764;
export const ONE_PER_MILLE = 4.144;
// What may come and go without anybody calling it growth, as a share of the mean.
const INSIGNIFICANT_SHARE = 0.02;

// Does the series grow once its warm-up (the first share of the time) is over? Neighbouring samples resemble each other, so the
// line goes through the means of blocks: their scatter is an honest measure of the noise.
// {slope, noise (both per unit of x), mean, growth (over the window considered), grows}; null when there are too few samples.
// `floor` is a growth too small to matter whatever the mean is, in units of y; `chance` one of the above.
export function drift(xs, ys, {warmup = 1 / 3, floor = 0, chance = ONE_PERCENT} = {}) {
  if (xs.length === 0) return null;
  const from = xs[0] + (xs[xs.length - 1] - xs[0]) * warmup;
  const first = xs.findIndex((x) => x >= from);
  const count = xs.length - first;
  if (count < BLOCKS) return null;
  const blockXs = [];
  const blockYs = [];
  for (let block = 0; block < BLOCKS; block++) {
    const begin = first + Math.floor(count * block / BLOCKS);
    const end = first + Math.floor(count * (block + 1) / BLOCKS);
    blockXs.push(mean(xs.slice(begin, end)));
    blockYs.push(mean(ys.slice(begin, end)));
  }
  const fit = line(blockXs, blockYs);
  if (!fit) return null;
  const noise = chance * fit.error;
  const average = mean(ys.slice(first));
  const growth = fit.slope * (xs[xs.length - 1] - xs[first]);
  const grows = fit.slope > noise && growth > Math.max(floor, INSIGNIFICANT_SHARE * Math.abs(average));
  return {slope: fit.slope, noise, mean: average, growth, grows};
}

export function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

// Every series of the object `columns` thinned to at most `limit` samples, the same ones of each.
export function thin(columns, limit) {
  const length = Math.max(0, ...Object.values(columns).map((column) => column.length));
  const step = Math.ceil(length / limit) || 1;
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.filter((_, i) => i % step === 0)]));
}
