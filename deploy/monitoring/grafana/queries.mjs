// PromQL over what the variables of a dashboard select. `by` are labels separated by ", "; `where` is a
// further condition.

const selected = (metric, where) =>
  `${metric}{namespace=~"$namespace", job=~"$job", instance=~"$instance"${where ? `, ${where}` : ''}}`;

// "" is one series over all.
const aggregated = (operation, by, inner) => `${operation}${by ? ` by (${by})` : ''} (${inner})`;

const perSecond = (metric, where) => `rate(${selected(metric, where)}[$__rate_interval])`;

// Gauges.
export const sum = (gauge, by = '', where = '') => aggregated('sum', by, selected(gauge, where));
export const most = (gauge, by = '', where = '') => aggregated('max', by, selected(gauge, where));
export const least = (gauge, by = '', where = '') => aggregated('min', by, selected(gauge, where));

// Counters: events per second.
export const rate = (counter, by = '', where = '') => aggregated('sum', by, perSecond(counter, where));

// Histograms.
export const quantile = (q, histogram, by = '', where = '') =>
  `histogram_quantile(${q}, ${aggregated('sum', by ? `le, ${by}` : 'le', perSecond(`${histogram}_bucket`, where))})`;
export const mean = (histogram, by = '', where = '') =>
  `${aggregated('sum', by, perSecond(`${histogram}_sum`, where))} / ${aggregated('sum', by, perSecond(`${histogram}_count`, where))}`;
export const count = (histogram, by = '', where = '') => rate(`${histogram}_count`, by, where);

// Median, p99 and their legends; for most graphs of durations and sizes.
export const spread = (histogram, where = '') => ({
  'p50': quantile(0.5, histogram, '', where),
  'p99': quantile(0.99, histogram, '', where),
});
export const spreadBy = (label, histogram, where = '') => ({
  [`p50 {{${label}}}`]: quantile(0.5, histogram, label, where),
  [`p99 {{${label}}}`]: quantile(0.99, histogram, label, where),
});

// A share from 0 to 1; `parts` is some of `whole`. Nothing of nothing is 0: its quotient is NaN, which the
// comparison leaves out.
export const share = (parts, whole) => `${parts} / (${whole} > 0) or on () vector(0)`;

// For series that only exist once something has happened.
export const orZero = (query) => `${query} or on () vector(0)`;

// Processes that Prometheus cannot read.
export const DOWN = `count(${selected('up')} == 0) or on () vector(0)`;
// For what has no helper.
export {selected};
