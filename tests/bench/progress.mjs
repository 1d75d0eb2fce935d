// Tells on stderr what the suite is at: one line that changes on a terminal, a line per run otherwise.
import {figure, seconds} from './report/format.mjs';
import {totalCost} from './rows/metrics.mjs';

const REDRAW_MS = 1000;
const FIGURES_SHOWN = 2;

export class Progress {
  constructor(stream = process.stderr) {
    this.stream = stream;
    this.live = stream.isTTY === true;
  }

  // `left`: seconds for everything from this run on; `startedAt`: of the run, by performance.now().
  phase(job, phase, left, startedAt) {
    clearInterval(this.timer);
    const text = () => {
      const passed = (performance.now() - startedAt) / 1000;
      return `${label(job)}: ${phase}, ${seconds(passed)}; about ${seconds(Math.max(1, left - passed))} left in all`;
    };
    if (this.live) {
      this.draw(text());
      this.timer = setInterval(() => this.draw(text()), REDRAW_MS);
      this.timer.unref();
    } else if (phase === 'load') {
      this.say(`${label(job)}: load; about ${seconds(left)} left in all`);
    }
  }

  result(job, result) {
    const words = result.problems.length > 0 ? `failed: ${result.problems.join('; ')}` : describe(job.row, result);
    this.say(`${label(job)}: ${words}`);
  }

  say(text) {
    this.stop();
    this.stream.write(`bench: ${text}\n`);
  }

  draw(text) {
    this.stream.write(`\r\x1b[Kbench: ${text}`);
  }

  stop() {
    clearInterval(this.timer);
    if (this.live) this.stream.write('\r\x1b[K');
  }
}

function label({row, pointName, index, of}) {
  return `${row.name}${pointName === 'all' ? '' : ` ${pointName}`}, run ${index} of ${of}`;
}

// The first figures of the row.
function describe(row, run) {
  const figures = row.metrics.filter(({of}) => of).slice(0, FIGURES_SHOWN).map(({title, unit, of}) => `${title} ${figure(of(run))} ${unit}`.trim());
  return [
    ...(figures.length > 0 ? figures : [`${figure(totalCost(run))} us/op`]),
    `${figure(run.busyCores)} cores busy`,
    `in Postgres ${figure(run.persistedAfterSeconds)} s after`,
    ...(run.valid ? [] : ['INVALID: the generator was the bottleneck']),
  ].join(', ');
}
