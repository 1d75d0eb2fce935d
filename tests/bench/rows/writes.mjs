// Rows of writers only.
import {ackedRate, backlogGrowth, cost, latency} from './metrics.mjs';

// 100 connections x 100 operations per frame x 5 frames in flight, 10 maps of 1 000 keys, values of 200 bytes.
const shape = ({connections = 100, batch = 100, inflight = 5, maps = 10, keys = 1000, more = []} = {}) => ({warmup, duration}) => [
  '--connections', connections, '--batch', batch, '--inflight', inflight, '--maps', maps, '--keys', keys, '--value-size', 200,
  '--warmup', `${warmup}s`, '--duration', `${duration}s`, ...more,
].map(String);

const SHORT = {quick: {warmup: 2, duration: 6}, full: {warmup: 5, duration: 20}};

export const writeRows = [
  {
    name: 'put', title: 'PUT, 100 x 100 x 5, 10 maps x 1 000 keys, 200 B, APPLIED',
    times: SHORT,
    points: [{load: shape()}],
    metrics: [ackedRate(150_000, '60-100 k/s in memory, acknowledged before applying'), cost(9, '15.6-37')],
  },
  {
    name: 'put-50k', title: 'the same at a fixed 50 000 op/s (open loop)',
    times: SHORT,
    points: [{load: shape({more: ['--rate', '50k']})}],
    metrics: [latency('p50', 2, 'cannot'), latency('p99', 5, 'cannot'), ackedRate(), cost()],
  },
  {
    name: 'single', title: 'one operation per frame, 100 x 1 x 5',
    times: SHORT,
    points: [{load: shape({batch: 1})}],
    metrics: [ackedRate(45_000, '17-30 k/s'), latency('p99', 15, '47 ms'), cost()],
  },
  {
    name: 'persisted', title: 'PERSISTED, 100 x 20 x 5',
    times: SHORT,
    points: [{load: shape({batch: 20, more: ['--write-concern', 'PERSISTED']})}],
    metrics: [ackedRate(40_000, '1 000 /s'), latency('p99'), cost()],
  },
  {
    name: 'or-add', title: 'OR_ADD, 100 x 100 x 5',
    times: SHORT,
    points: [{load: shape({more: ['--map-type', 'or']})}],
    metrics: [ackedRate(100_000), cost()],
  },
  {
    name: 'new-keys', title: 'PUT with every key new: nothing to coalesce',
    times: {quick: {warmup: 2, duration: 15}, full: {warmup: 5, duration: 60}},
    points: [{load: shape({keys: 0, more: ['--key-dist', 'seq']})}],
    metrics: [ackedRate(50_000), backlogGrowth(5), cost()],
  },
];
