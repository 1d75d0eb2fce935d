// Rows in which clients listen.
import {ackedRate, cost} from './metrics.mjs';

const WRITERS = ['--connections', '20', '--batch', '10', '--inflight', '5', '--maps', '1', '--keys', '200', '--value-size', '200'];

export const readRows = [
  {
    name: 'query', title: '20 writers (10 x 5), 20 live queries, 200 keys: each write is 40 frames',
    times: {quick: {warmup: 2, duration: 6}, full: {warmup: 5, duration: 20}},
    points: [{load: ({warmup, duration}) => [...WRITERS, '--subscribers', '20', '--warmup', `${warmup}s`, '--duration', `${duration}s`]}],
    metrics: [
      ackedRate(12_000, '1 200 /s'),
      {
        name: 'propagation-p99', title: 'p99 from the write to the event', unit: 'ms', better: 'lower',
        of: (run) => run.loadgen.latency.propagation.p99 / 1000,
      },
      {
        name: 'frames', title: 'events and updates received', unit: 'frames/s', better: 'higher',
        of: ({loadgen: {throughput}}) => throughput.events_received_per_s + throughput.query_updates_received_per_s,
      },
      cost(),
    ],
  },
];
