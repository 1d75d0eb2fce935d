// The services' /metrics: sums over the labels of a metric.

const TIMEOUT_MS = 5000;

// {name: sum} of the wanted metrics in a text of the Prometheus format.
export function parseMetrics(text, wanted) {
  const sums = {};
  for (const row of text.split('\n')) {
    if (row === '' || row[0] === '#') continue;
    const name = row.slice(0, row.search(/[{ ]/));
    if (!wanted.has(name)) continue;
    sums[name] = (sums[name] ?? 0) + Number(row.slice(row.lastIndexOf(' ') + 1));
  }
  return sums;
}

// `processes` as `./topgun ps --json` lists them. {"gateway-0 gateway_waiting_ops": 12, ...}; without those that do not answer.
export async function readMetrics(processes, wanted) {
  const answers = await Promise.all(processes.filter(({ports}) => ports.admin).map(async ({name, ports}) => {
    try {
      const response = await fetch(`http://127.0.0.1:${ports.admin}/metrics`, {signal: AbortSignal.timeout(TIMEOUT_MS)});
      return Object.entries(parseMetrics(await response.text(), wanted)).map(([metric, value]) => [`${name} ${metric}`, value]);
    } catch {
      return [];
    }
  }));
  return Object.fromEntries(answers.flat());
}
