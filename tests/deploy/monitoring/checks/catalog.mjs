// The metrics that there are: those of docs/metrics.md, which the programs write, those that Prometheus adds,
// and those that recording rules make.
import {readFileSync} from 'node:fs';

import {inspect} from './promql.mjs';

// What Prometheus adds to every series; namespace and pod in Kubernetes only.
const TARGET_LABELS = ['job', 'instance', 'namespace', 'pod'];

// {type, help, labels} by name, as documented: histograms have one name.
export function documented(page) {
  const metrics = new Map();
  for (const [, name, type, labels, help] of readFileSync(page, 'utf8').matchAll(/^\| `(\w+)` \| (\w+) \| ([^|]*) \| (.*) \|$/gm)) {
    const metric = metrics.get(name) ?? {type, help, labels: new Map()};
    for (const [label, values] of labelsIn(labels)) metric.labels.set(label, merged(metric.labels.get(label), values));
    metrics.set(name, metric);
  }
  if (metrics.size === 0) throw new Error(`${page}: no metrics in it`);
  return metrics;
}

// "`level`: APPLIED, MEMORY; `code`" -> [['level', Set], ['code', null]]
const labelsIn = (text) => text.split('; ').filter((part) => part.trim()).map((part) => {
  const [, label, values] = /^`(\w+)`(?:: (.*))?$/.exec(part.trim());
  // Event loops are numbered; the page knows the first.
  return [label, values && label !== 'loop' ? new Set(values.split(', ')) : null];
});

// A label that takes any value in one program does so in all.
const merged = (known, values) => known === undefined ? values : known && values && new Set([...known, ...values]);

// The same as series are called.
export function seriesOf(metrics) {
  const catalog = new Map();
  const add = (name, type, labels, more = []) => catalog.set(name,
      {type, labels: new Map([...labels, ...[...TARGET_LABELS, ...more].map((label) => [label, null])])});
  for (const [name, {type, labels}] of metrics) {
    if (type !== 'histogram') {
      add(name, type, labels);
    } else {
      add(`${name}_bucket`, 'counter', labels, ['le']);
      for (const part of ['sum', 'count']) add(`${name}_${part}`, 'counter', labels);
    }
  }
  add('up', 'gauge', []);
  add('ALERTS', 'gauge', [], ['alertname', 'alertstate', 'severity']);
  return catalog;
}

// Adds what `rules` record; these may build upon each other in any order.
export function addRecorded(catalog, rules) {
  let waiting = rules.filter((rule) => rule.record);
  for (;;) {
    const later = waiting.filter(({record, expr, labels = {}}) => {
      const {findings, labels: found} = inspect(expr, catalog);
      if (findings.some((text) => text.startsWith('there is no metric'))) return true;
      const all = [...new Set([...found, ...Object.keys(labels)])];
      // Several rules may record one name, with other labels each.
      const known = catalog.get(record)?.labels ?? [];
      catalog.set(record, {type: 'recorded', recorded: true, labels: new Map([...known, ...all.map((label) => [label, null])])});
      return false;
    });
    if (later.length === 0 || later.length === waiting.length) return;
    waiting = later;
  }
}
