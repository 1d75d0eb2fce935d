// The status page: asks its gateway once a second and shows the answers. Whatever comes from the gateway is shown as text.
'use strict';

const POLL_MS = 1_000;
const RETRY_MAX_MS = 10_000;
const REQUEST_MS = 5_000;
const WINDOW_MS = 10_000;  // of rates and latencies
const POINTS = 120;        // of a chart
const ABOUT_EVERY = 10;    // polls
const SVG = 'http://www.w3.org/2000/svg';

const byId = (id) => document.getElementById(id);

// --- figures

const UNITS = [[1e9, 'G'], [1e6, 'M'], [1e4, 'k']];

function count(value) {
  if (!Number.isFinite(value)) return '–';
  const unit = UNITS.find(([size]) => value >= size);
  if (!unit) return Number(value.toFixed(value < 10 ? 1 : 0)).toLocaleString('en');
  const size = unit[1] === 'k' ? 1e3 : unit[0];
  return `${(value / size).toFixed(1)} ${unit[1]}`;
}

function duration(seconds) {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 1e-3) return `${(seconds * 1e6).toFixed(0)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toFixed(seconds < 0.01 ? 2 : 1)} ms`;
  if (seconds < 120) return `${seconds.toFixed(1)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86400)} days`;
}

const clock = (ms) => new Date(ms).toLocaleTimeString([], {hour12: false});

// --- the text format of Prometheus

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

// Series by name: [{labels, value}].
function parseMetrics(text) {
  const metrics = new Map();
  for (const line of text.split('\n')) {
    const found = line[0] === '#' ? null : LINE.exec(line);
    if (!found) continue;
    const labels = Object.fromEntries([...(found[2] ?? '').matchAll(LABEL)].map(([, name, value]) => [name, value]));
    if (!metrics.has(found[1])) metrics.set(found[1], []);
    metrics.get(found[1]).push({labels, value: found[3] === '+Inf' ? Infinity : Number(found[3])});
  }
  return metrics;
}

function sum(metrics, name, where = {}) {
  const wanted = Object.entries(where);
  return (metrics.get(name) ?? [])
      .filter(({labels}) => wanted.every(([label, value]) => labels[label] === value))
      .reduce((total, {value}) => total + value, 0);
}

// What a histogram has gained between two readings, over all loops: [[upper bound, cumulated]].
function gained(before, after, name, where) {
  const bounds = new Set((after.get(`${name}_bucket`) ?? []).map(({labels}) => labels.le));
  return [...bounds]
      .map((le) => [le === '+Inf' ? Infinity : Number(le),
                    sum(after, `${name}_bucket`, {...where, le}) - sum(before, `${name}_bucket`, {...where, le})])
      .sort(([a], [b]) => a - b);
}

// Linear inside a bucket; NaN when nothing was observed.
function quantile(buckets, share) {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (!(total > 0)) return NaN;
  const at = buckets.findIndex(([, cumulated]) => cumulated >= share * total);
  const [upper, cumulated] = buckets[at];
  const [lower, below] = at > 0 ? buckets[at - 1] : [0, 0];
  return upper === Infinity ? lower : lower + (upper - lower) * (share * total - below) / (cumulated - below);
}

// --- what was read in the last seconds

const readings = [];

function remember(metrics) {
  const now = {at: performance.now(), metrics};
  const last = readings.at(-1);
  // Another process has taken over: its counters began anew.
  const restarted = last && sum(metrics, 'gateway_connections_total') < sum(last.metrics, 'gateway_connections_total');
  if (restarted || (last && now.at - last.at > WINDOW_MS)) readings.length = 0;
  readings.push(now);
  while (now.at - readings[0].at > WINDOW_MS) readings.shift();
}

// Per second, between the last two readings.
function rate(name, where) {
  if (readings.length < 2) return NaN;
  const [before, after] = readings.slice(-2);
  const change = sum(after.metrics, name, where) - sum(before.metrics, name, where);
  return Math.max(0, change) * 1_000 / (after.at - before.at);
}

const now = (name, where) => sum(readings.at(-1).metrics, name, where);

// --- tiles

function makeTile({id, label}) {
  const tile = document.createElement('div');
  tile.className = 'tile';
  const list = tile.appendChild(document.createElement('dl'));
  list.appendChild(document.createElement('dt')).textContent = label;
  const value = list.appendChild(document.createElement('dd'));
  value.id = id;
  value.textContent = '–';
  const chart = tile.appendChild(document.createElementNS(SVG, 'svg'));
  chart.setAttribute('viewBox', `0 0 ${POINTS - 1} 30`);
  chart.setAttribute('preserveAspectRatio', 'none');
  chart.setAttribute('aria-hidden', 'true');
  const line = chart.appendChild(document.createElementNS(SVG, 'polyline'));
  byId('tiles').appendChild(tile);
  return {value, line, points: []};
}

function draw({line, points}) {
  const most = Math.max(...points.filter(Number.isFinite), 1e-9);
  const shown = points.map((value, i) => `${POINTS - points.length + i},${(29 - 28 * (Number.isFinite(value) ? value : 0) / most).toFixed(1)}`);
  line.setAttribute('points', shown.join(' '));
}

const TILES = [
  {id: 'ops', label: 'operations / s', format: count, read: () => rate('gateway_ops_total')},
  {id: 'acks', label: 'acknowledged / s', format: count, read: () => rate('gateway_acked_ops_total')},
  {id: 'pushes', label: 'pushes / s', format: count, read: () => rate('gateway_pushes_total')},
  {id: 'connections', label: 'connections', format: count, read: () => now('gateway_connections')},
  {id: 'subscriptions', label: 'live queries', format: count, read: () => now('gateway_subscriptions')},
  {id: 'waiting', label: 'operations waiting', format: count, read: () => now('gateway_waiting_ops')},
  {id: 'errors', label: 'ERROR frames / s', format: count, read: () => rate('gateway_errors_total')},
  {id: 'lag', label: 'loop lag, p99', format: duration, read: () => latencyOf('gateway_loop_lag_seconds', {}, 0.99)},
].map((tile) => ({...tile, ...makeTile(tile)}));

function showTiles() {
  for (const tile of TILES) {
    const value = tile.read();
    tile.value.textContent = tile.format(value);
    tile.points.push(value);
    if (tile.points.length > POINTS) tile.points.shift();
    draw(tile);
  }
}

// --- tables

// Columns: {title, number}. Cells are text, or {text, className}; the first one names its row.
function showTable(id, columns, rows) {
  const head = document.createElement('thead');
  const titles = head.appendChild(document.createElement('tr'));
  for (const {title, number} of columns) {
    const cell = titles.appendChild(document.createElement('th'));
    cell.scope = 'col';
    cell.textContent = title;
    if (number) cell.className = 'number';
  }
  const body = document.createElement('tbody');
  for (const row of rows) {
    const line = body.appendChild(document.createElement('tr'));
    row.forEach((content, i) => {
      const cell = line.appendChild(document.createElement(i === 0 ? 'th' : 'td'));
      if (i === 0) cell.scope = 'row';
      cell.textContent = content?.text ?? content;
      cell.className = content?.className ?? (columns[i].number ? 'number' : '');
    });
  }
  byId(id).replaceChildren(head, body);
}

const text = (title) => ({title});
const number = (title) => ({title, number: true});

function latencyOf(name, where, share) {
  if (readings.length < 2) return NaN;
  return quantile(gained(readings[0].metrics, readings.at(-1).metrics, name, where), share);
}

const LEVELS = ['FIRE_AND_FORGET', 'MEMORY', 'APPLIED', 'REPLICATED', 'PERSISTED'];
const LATENCIES = [
  ...LEVELS.map((level) => ({label: `ack, ${level}`, name: 'gateway_ack_seconds', where: {level}, optional: true})),
  {label: 'waiting for a part to fill', name: 'gateway_lane_wait_seconds', where: {}},
  {label: 'sync: a part of writes', name: 'gateway_part_seconds', where: {}},
  {label: 'HTTP requests', name: 'gateway_http_request_seconds', where: {}},
  {label: 'lag of the loops', name: 'gateway_loop_lag_seconds', where: {}},
];

function showLatency() {
  const rows = LATENCIES.map(({label, name, where, optional}) => {
    const per = [0.5, 0.95, 0.99].map((share) => latencyOf(name, where, share));
    return optional && per.every(Number.isNaN) ? null : [label, ...per.map(duration)];
  });
  showTable('latency', [text('what'), number('p50'), number('p95'), number('p99')], rows.filter(Boolean));
}

function showMaps(maps) {
  const note = !maps ? 'being counted' : maps.error ? `cannot be counted: ${maps.error}` :
      maps.total > maps.shown.length ? `the ${maps.shown.length} largest of ${maps.total}` : `${maps.total} in all`;
  byId('maps-note').textContent = note;
  if (!maps?.shown) return;
  showTable('maps', [text('map'), number('records')],
            maps.shown.map(({name, records, approximate}) => [name, `${approximate ? '≈ ' : ''}${records.toLocaleString('en')}`]));
}

// One row per shard, summed over the loops.
function showShards(loops) {
  const shards = new Map();
  for (const lane of loops.flatMap(({lanes}) => lanes)) {
    const shard = shards.get(lane.shard) ?? {replicas: new Set(), waiting: 0, flying: 0, persisting: 0};
    shards.set(lane.shard, shard);
    if (lane.replica) shard.replicas.add(lane.replica);
    shard.waiting += lane.waiting_parts;
    shard.flying += lane.in_flight_parts;
    shard.persisting += lane.persisting_parts;
  }
  const rows = [...shards].sort(([a], [b]) => a - b);
  const unserved = rows.filter(([, {replicas}]) => replicas.size === 0).length;
  byId('shards-note').textContent = `${rows.length} shards${unserved > 0 ? `, ${unserved} without a replica yet` : ''}; parts of writes on their way`;
  showTable('shards', [text('shard'), text('sync replica'), number('waiting'), number('in flight'), number('not persisted')],
            rows.map(([shard, {replicas, waiting, flying, persisting}]) =>
                         [shard, [...replicas].join(', ') || '–', waiting, flying, persisting].map(String)));
}

function showReplicas(loops) {
  const replicas = new Map();
  for (const {address, up, listed} of loops.flatMap((loop) => loop.replicas)) {
    const replica = replicas.get(address) ?? {up: 0, loops: 0, listed: false};
    replicas.set(address, {up: replica.up + (up ? 1 : 0), loops: replica.loops + 1, listed: replica.listed || listed});
  }
  showTable('replicas', [text('address'), text('state'), number('connected loops')], [...replicas].sort().map(([address, {up, loops: all, listed}]) => {
    const state = up === 0 ? {text: 'down', className: 'down'} : {text: listed ? 'up' : 'leaving', className: listed ? 'live' : 'draining'};
    return [address, state, `${up} of ${all}`];
  }));
}

function showRecent(recent) {
  byId('recent-note').textContent = recent.length === 0 ? 'none since the process started' : '';
  showTable('recent', [text('last'), text('level'), text('part'), text('what'), number('times'), text('since')], recent.map(({first_ms, last_ms, level, lines, line}) => {
    const {component, msg, ...fields} = line;
    const details = Object.entries(fields).map(([name, value]) => ` ${name}=${value}`).join('');
    return [{text: clock(last_ms), className: 'time'}, {text: level, className: level}, component,
            msg + details, String(lines), {text: clock(first_ms), className: 'time'}];
  }));
}

// --- polling

let polls = 0;
let failures = 0;
let lastAnswer;

function showState(className, words) {
  byId('state').className = className;
  if (byId('state').textContent !== words) byId('state').textContent = words;  // screen readers read changes
  document.body.classList.toggle('is-stale', className === 'stale');
}

function showAbout({name, version, revision, pid, uptime_seconds, restart_pending}) {
  byId('name').textContent = name;
  document.title = `${name} – TopGun gateway`;
  const pending = restart_pending.length > 0 ? `, restart needed for ${restart_pending.join(', ')}` : '';
  byId('about').textContent = `version ${version} (${revision}), process ${pid}, up ${duration(uptime_seconds)}${pending}`;
}

async function ask(path) {
  const response = await fetch(path, {cache: 'no-store', signal: AbortSignal.timeout(REQUEST_MS)});
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status}`);
  return response;
}

async function poll() {
  const aboutToo = polls % ABOUT_EVERY === 0 || failures > 0;
  const [metrics, status, about] = await Promise.all([
    ask('/metrics').then((response) => response.text()),
    ask('/status.json').then((response) => response.json()),
    aboutToo ? ask('/statusz').then((response) => response.json()) : null,
  ]);
  ++polls;
  remember(parseMetrics(metrics));
  if (about) showAbout(about);
  showTiles();
  showLatency();
  showMaps(status.maps);
  showShards(status.loops);
  showReplicas(status.loops);
  showRecent(status.recent);
  if (status.loops.some(({draining}) => draining)) {
    showState('draining', `draining, ${count(now('gateway_connections'))} connections left`);
  } else if (status.loops.some(({replicas}) => !replicas.some(({up}) => up))) {
    showState('degraded', 'degraded: no sync service is up');
  } else {
    showState('live', 'live');
  }
}

async function run() {
  try {
    if (document.hidden) return;  // nobody looks
    await poll();
    failures = 0;
    lastAnswer = Date.now();
  } catch (error) {
    ++failures;
    showState('stale', lastAnswer ? `stale: no answer since ${clock(lastAnswer)}` : 'no answer yet');
    byId('state').title = error.message;
  } finally {
    setTimeout(run, failures === 0 ? POLL_MS : Math.min(POLL_MS * 2 ** (failures - 1), RETRY_MAX_MS));
  }
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden && readings.length > 0) showState('waiting', 'looking again');
});
run();
