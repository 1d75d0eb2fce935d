// Joining the records of all processes to trips whose hops add up.
import assert from 'node:assert/strict';
import {test} from 'node:test';

import {unpack} from '../../../deploy/local/profile/bubble/collect.mjs';
import {renderPage} from '../../../deploy/local/profile/bubble/page.mjs';
import {hopLines, laneLines} from '../../../deploy/local/profile/bubble/text.mjs';
import {HOPS, byShard, examples, hopTable, joinTrips} from '../../../deploy/local/profile/bubble/trips.mjs';

const ms = (value) => value * 1e6; // in ns

function part(trace, shard, n, sent, result) {
  return {
    trace,
    at: {started: ms(1), sent: ms(sent), taken: ms(sent + 1), arrived: ms(result - 1), result: ms(result)},
    num: {shard, ops: 7, bytes: 900, incarnation: 1, n},
    parts: [],
  };
}

function merge(trace, received, shard, n) {
  const at = {received, handed: received + 1, taken: received + 3, read: null, sent: received + 4, replied: received + 8, answered: received + 9};
  for (const stage of Object.keys(at)) if (at[stage] !== null) at[stage] = ms(at[stage]);
  return {trace, at, num: {shard, incarnation: 1, n}, parts: []};
}

function cluster({boots = ['a', 'a', 'a'], flushes = true} = {}) {
  const gateway = new Map([
    ['frame', [{
      trace: 0,
      at: {received: ms(0), decoded: ms(0.5), submitted: ms(1), acked: ms(31), written: ms(32)},
      num: {ops: 100},
      parts: [11, 12],
    }]],
    ['part', [part(11, 3, 40, 2, 20), part(12, 4, 50, 4, 30)]],
    ['event', [{
      trace: 12,
      at: {arrived: ms(16), handled: ms(17), queued: ms(18), written: ms(19)},
      num: {shard: 4, changes: 5, incarnation: 1, n: 50},
      parts: [],
    }]],
  ]);
  const sync = new Map([['merge', [merge(11, 3, 3, 40), merge(12, 6, 4, 50)]]]);
  const flush = {
    trace: 0,
    at: {read: ms(15), sent: ms(25), committed: ms(40), published: ms(41)},
    num: {shard: 4, incarnation: 1, from_n: 49, to_n: 60, rows: 300},
    parts: [],
  };
  return [
    {service: {name: 'gateway-0'}, boot: boots[0], kinds: gateway},
    {service: {name: 'sync-0'}, boot: boots[1], kinds: sync},
    {service: {name: 'storage-0'}, boot: boots[2], kinds: new Map([['flush', flushes ? [flush] : []]])},
  ];
}

const keys = (trip) => trip.hops.map(({key}) => key);
const length = (trip, key) => {
  const hop = trip.hops.find((each) => each.key === key);
  return Math.round((hop.to - hop.from) * 1000) / 1000;
};

test('the hops of a frame follow its slowest part and add up to its latency', () => {
  const {frames} = joinTrips(cluster());
  assert.equal(frames.length, 1);
  const [frame] = frames;
  assert.deepEqual(keys(frame), [
    'decode', 'append', 'lane', 'toSync', 'syncLoop', 'turn', 'merge', 'commit', 'settle', 'toGateway', 'gatewayLoop', 'order', 'write',
  ]);
  assert.equal(length(frame, 'lane'), 3); // of part 12, after the frame was submitted
  assert.equal(length(frame, 'commit'), 4);
  assert.equal(length(frame, 'toGateway'), 14);
  assert.equal(frame.duration, 32);
  const sum = frame.hops.reduce((total, {from, to}) => total + to - from, 0);
  assert.ok(Math.abs(sum - frame.duration) < 1e-9);
  for (let i = 1; i < frame.hops.length; ++i) assert.equal(frame.hops[i].from, frame.hops[i - 1].to);
});

test('a frame of which a part is unknown is left out', () => {
  const processes = cluster();
  processes[0].kinds.get('part').pop();
  const trips = joinTrips(processes);
  assert.equal(trips.frames.length, 0);
  assert.equal(trips.parts.length, 1);
});

test('a change begins with the commit, persistence ends with the flush that covers it', () => {
  const trips = joinTrips(cluster());
  assert.deepEqual(keys(trips.events[0]), ['watch', 'eventLoop', 'encode', 'push']);
  assert.equal(length(trips.events[0], 'watch'), 2);
  assert.equal(trips.persists.length, 1); // of shard 4; nothing covers shard 3
  assert.equal(length(trips.persists[0], 'feed'), 11);
  assert.equal(length(trips.persists[0], 'flush'), 15);
  assert.equal(joinTrips(cluster({flushes: false})).persists.length, 0);
});

test('a change of another commit than the one its trace hints at begins on arrival', () => {
  const processes = cluster();
  processes[0].kinds.get('event')[0].num.n = 49;
  assert.deepEqual(keys(joinTrips(processes).events[0]), ['eventLoop', 'encode', 'push']);
});

test('between machines only durations within one process count', () => {
  const trips = joinTrips(cluster({boots: ['a', 'b', 'b']}));
  assert.equal(trips.joined, false);
  assert.deepEqual(keys(trips.parts[0]), ['lane', 'toGateway', 'gatewayLoop']);
  assert.deepEqual(keys(trips.events[0]), ['eventLoop', 'encode', 'push']);
  assert.equal(trips.persists.length, 0);
});

test('shares are of the time of all trips', () => {
  const table = hopTable([
    {duration: 10, hops: [{key: 'lane', from: 0, to: 4}, {key: 'commit', from: 4, to: 10}]},
    {duration: 10, hops: [{key: 'commit', from: 0, to: 10}]},
  ]);
  assert.deepEqual(table.map(({key}) => key), ['lane', 'commit']);
  assert.deepEqual(table.map(({share}) => share), [0.2, 0.8]);
  assert.deepEqual(table.map(({count, mean}) => [count, mean]), [[1, 4], [2, 8]]);
});

test('examples are typical, slow and the slowest', () => {
  const trips = Array.from({length: 1000}, (_, i) => ({duration: (i * 7) % 1000, hops: []}));
  const chosen = examples(trips);
  assert.deepEqual(chosen.typical.map(({duration}) => duration), [499, 500, 501]);
  assert.deepEqual(chosen.slow.map(({duration}) => duration), [989, 990, 991]);
  assert.deepEqual(chosen.slowest.map(({duration}) => duration), [999, 998, 997]);
  assert.equal(examples(trips.slice(0, 1)).typical.length, 1);
});

test('frames tell which shard they waited for, parts how long the lanes are', () => {
  const trips = joinTrips(cluster());
  assert.deepEqual(byShard(trips.frames), [{shard: 4, share: 1}]);
  assert.deepEqual(byShard([{shard: 1}, {shard: 2}, {shard: 1}, {shard: 1}]), [{shard: 1, share: 0.75}, {shard: 2, share: 0.25}]);
  assert.deepEqual(laneLines(trips.parts), ['Mean wait in the lane by shard, in ms: 4: 3.000, 3: 1.000']);
});

test('what a process answers is unpacked by its own names', () => {
  const kinds = unpack({
    kinds: [{name: 'part', stages: ['sent', 'result'], numbers: ['ops'], records: [[1, 9, [5, 0], [100], []], [2, 0, [5, 6], [1], [9]]]}],
  });
  assert.deepEqual(kinds.get('part'), [
    {trace: 9, at: {sent: 5, result: null}, num: {ops: 100}, parts: []},
    {trace: 0, at: {sent: 5, result: 6}, num: {ops: 1}, parts: [9]},
  ]);
});

test('the page has a bar, a table and a waterfall, and names what was not followed', () => {
  const trips = joinTrips(cluster());
  const {frames} = trips;
  const section = (list) => ({title: 'Frames <b>', trips: list, table: hopTable(list), examples: examples(list)});
  const page = renderPage({sections: [section(frames), section([])], trips, seconds: 10});
  assert.match(page, /class="fall"/);
  assert.match(page, /class="bar"/);
  assert.match(page, /Frames &lt;b&gt;/);
  assert.match(page, /None were followed/);
  assert.doesNotMatch(page, /https?:\/\//);
  for (const key of keys(frames[0])) assert.ok(page.includes(HOPS[key][1]), key);
  const text = hopLines({...section(frames), title: 'Frames'}).join('\n');
  assert.match(text, /the whole +1 +32\.0/);
});
