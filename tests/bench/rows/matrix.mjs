// Cost per operation at a fixed rate, over sizes of the data and numbers of connections: it should hardly depend on them.
const KEYS = 10_000;
const MAPS = 10;
const CONNECTIONS = 100;
const RATE = 30_000;

// `keys` are those of all maps together.
function point(name, {keys = KEYS, maps = MAPS, connections = CONNECTIONS}) {
  const data = ['--maps', maps, '--keys', keys / maps, '--value-size', 200].map(String);
  return {
    name,
    // Every key exists beforehand, so that each point measures the same kind of write.
    preload: ['--connections', '20', '--batch', '100', '--inflight', '2', '--key-dist', 'seq', '--ops', String(keys), ...data],
    load: ({warmup, duration}) => [
      ...data, '--connections', String(connections), '--batch', '100', '--rate', String(RATE), '--warmup', `${warmup}s`, '--duration', `${duration}s`,
    ],
  };
}

const POINTS = [
  point('base', {}),
  point('keys-1k', {keys: 1000}),
  point('keys-100k', {keys: 100_000}),
  point('keys-1M', {keys: 1_000_000}),
  point('maps-1', {maps: 1}),
  point('maps-100', {maps: 100}),
  point('maps-1000', {maps: 1000}),
  point('connections-10', {connections: 10}),
  point('connections-1000', {connections: 1000}),
  point('connections-2000', {connections: 2000}),
];
const QUICK_POINTS = new Set(['base', 'keys-100k', 'maps-1000', 'connections-1000']);

export const matrixRow = {
  name: 'matrix', title: `cost per operation at a fixed ${RATE / 1000} 000 op/s: 1 000-1 000 000 keys, 1-1 000 maps, 10-2 000 connections`,
  times: {quick: {warmup: 2, duration: 4}, full: {warmup: 5, duration: 15}},
  points: POINTS,
  pointsOf: (mode) => mode === 'quick' ? POINTS.filter(({name}) => QUICK_POINTS.has(name)) : POINTS,
  metrics: [
    {
      name: 'cost-ratio', title: 'dearest / cheapest point', unit: 'x', better: 'lower', target: 1.5, reference: 'collapses',
      across: (medians) => Math.max(...Object.values(medians)) / Math.min(...Object.values(medians)),
    },
  ],
};
