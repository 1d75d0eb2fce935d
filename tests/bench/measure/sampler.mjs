// Watches a cluster while load runs: CPU, memory and backlog over time, as columns of one table.
import {cpuMicroseconds, machine, residentBytes} from './processes.mjs';
import {readMetrics} from './gauges.mjs';
import {RandomMoments} from './moments.mjs';

const PERIOD_MS = 500;
// A metric is a request that the process must answer, so these are read less often; and services do things once a second.
const METRICS_PERIOD_MS = 2000;

export class Sampler {
  // `metrics`: names of gauges to watch as well.
  constructor({persistence, metrics = []}) {
    Object.assign(this, {persistence, metrics: new Set(metrics), gauges: {}, moments: new RandomMoments(METRICS_PERIOD_MS)});
  }

  // `processes`: [{name, pid, ports}].
  async start(processes) {
    this.processes = processes;
    this.columns = {t: [], backlog: [], ...Object.fromEntries(processes.flatMap(({name}) => [[`cpu ${name}`, []], [`rss ${name}`, []]]))};
    this.startedAt = performance.now();
    await this.sample();
    this.timer = setInterval(() => this.sampleUnlessBusy(), PERIOD_MS);
    if (this.metrics.size > 0) this.awaitMetrics();
  }

  stop() {
    clearInterval(this.timer);
    clearTimeout(this.metricsTimer);
    this.metrics.clear();
  }

  get seconds() {
    return (performance.now() - this.startedAt) / 1000;
  }

  sampleUnlessBusy() {
    if (this.pending) return;
    this.pending = this.sample().catch(() => {}).finally(() => { this.pending = null; });
  }

  async sample() {
    const {columns} = this;
    const {unpersistedBytes} = await this.persistence.read();
    // All columns are filled in one go, so that they stay of one length.
    columns.t.push(Number(this.seconds.toFixed(3)));
    columns.backlog.push(unpersistedBytes);
    for (const {name, pid} of this.processes) {
      columns[`cpu ${name}`].push(cpuMicroseconds(pid));
      columns[`rss ${name}`].push(residentBytes(pid));
    }
  }

  awaitMetrics() {
    this.metricsTimer = setTimeout(async () => {
      await this.sampleMetrics();
      if (this.metrics.size > 0) this.awaitMetrics();
    }, this.moments.next() - 1000 * this.seconds);
  }

  async sampleMetrics() {
    const t = this.seconds;
    for (const [name, value] of Object.entries(await readMetrics(this.processes, this.metrics))) {
      (this.gauges[name] ??= {t: [], value: []}).t.push(t);
      this.gauges[name].value.push(value);
    }
  }
}

// CPU of every process and of the machine now; subtract an earlier one with `cpuSince`.
export function cpuNow(processes) {
  return {processes: Object.fromEntries(processes.map(({name, pid}) => [name, cpuMicroseconds(pid)])), machine: machine(), at: performance.now()};
}

// {seconds, processes: {name: us}, busySeconds, stolenSeconds} between two calls of cpuNow.
export function cpuSince(before, after) {
  return {
    seconds: (after.at - before.at) / 1000,
    processes: Object.fromEntries(Object.entries(after.processes).map(([name, us]) => [name, us - before.processes[name]])),
    busySeconds: after.machine.busySeconds - before.machine.busySeconds,
    stolenSeconds: after.machine.stolenSeconds - before.machine.stolenSeconds,
  };
}
