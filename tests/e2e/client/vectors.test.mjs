// The test client against the golden data of the contract: its bytes, hashes, trees, merges and its side of every Merkle conversation. No server.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';

import {Clock, compareTimestamps} from '../support/topgun/clock.mjs';
import {decode, encode} from '../support/topgun/encoding.mjs';
import {lwwItemHash, orItemHash, orItemText} from '../support/topgun/item_hash.mjs';
import {LwwMap} from '../support/topgun/lww_map.mjs';
import {combine, hash, mix, pathOf} from '../support/topgun/merkle.mjs';
import {answersTo, firstMessage} from '../support/topgun/merkle_sync.mjs';
import {OpLog} from '../support/topgun/op_log.mjs';
import {OrMap} from '../support/topgun/or_map.mjs';

const vectors = (name) => JSON.parse(readFileSync(new URL(`../../contract/vectors/${name}.json`, import.meta.url)));

const hex = (message) => encode(message).toString('hex');
const sortedRecords = (records) => [...records].sort((a, b) => a.tag < b.tag ? -1 : 1);
const itemsOf = (map) => Object.fromEntries([...map.items.keys()].sort().map((key) => [key, sortedRecords(map.recordsOf(key))]));
const plain = (map) => Object.fromEntries([...map].sort());

test('frames.json: every frame of the client, byte for byte', () => {
  for (const {name, direction, message, hex: expected} of vectors('frames').frames) {
    if (!direction.startsWith('client->server') || name === 'BATCH towards the server') continue;
    assert.equal(hex(message), expected, name);
  }
});

test('frames.json: every server frame decodes to the same message from either rendering', () => {
  for (const {name, message, hexClientSerializer, hexCompact} of vectors('frames').frames) {
    for (const bytes of [hexClientSerializer, hexCompact]) {
      if (bytes && message) assert.deepEqual(decode(Buffer.from(bytes, 'hex')), message, name);
    }
  }
});

test('frames.json: single values', () => {
  const special = {
    'negative zero': -0, NaN: NaN, '+Infinity': Infinity, '-Infinity': -Infinity, 'bigint 5': 5n, 'bigint 2^53': 2n ** 53n, 'bigint -5': -5n,
    'bigint 2^63': 2n ** 63n, null: null, 'undefined at top level': undefined, true: true, false: false, 'empty string': '',
    '31 x a': 'a'.repeat(31), '32 x a': 'a'.repeat(32), '256 x a (first bytes)': 'a'.repeat(256), 'string é😀日': 'é😀日',
    'lone surrogate U+D83D': '\ud83d', 'empty array': [], '16 zeros': Array(16).fill(0), 'array [undefined,1]': [undefined, 1],
    'empty object': {}, 'object {a:undefined,b:1}': {a: undefined, b: 1}, 'object {z:1,a:2} (insertion order kept)': {z: 1, a: 2},
    'object {b:3,1:1,0:2} (integer-like keys first, ascending)': {b: 3, 1: 1, 0: 2},
    'Date 1700000000123 becomes an empty map': new Date(1700000000123), 'Map and Set become empty maps': [new Map(), new Set()],
    'bytes 010203 become a map of index strings': new Uint8Array([1, 2, 3]),
  };
  for (const {note, hex: expected} of vectors('frames').encode) {
    assert.ok(note.startsWith('number ') || note in special, `${note} is not covered`);
    const value = note.startsWith('number ') ? Number(note.slice(7)) : special[note];
    assert.equal(hex(value), expected, note);
  }
});

test('hash.json', () => {
  const {strings, mix: mixes, combine: combinations, lwwItems, orEntries} = vectors('hash');
  for (const {repeat, utf16le_hex: utf16, hash: expected, merklePath} of strings) {
    const text = repeat ? repeat.unit.repeat(repeat.times) : Buffer.from(utf16, 'hex').toString('utf16le');
    assert.equal(hash(text), expected, text);
    assert.equal(pathOf(text), merklePath, text);
  }
  for (const {input, result} of mixes) assert.equal(mix(input), result);
  for (const {inputs, result} of combinations) assert.equal(combine(inputs), result);
  for (const {key, timestamp, itemHash} of lwwItems) assert.equal(lwwItemHash(key, timestamp), itemHash, key);
  for (const {key, records, hashedString, entryHash} of orEntries) {
    assert.equal(orItemText(key, records), hashedString);
    assert.equal(orItemHash(key, records), entryHash, hashedString);
  }
});

test('hlc.json: order and clock', () => {
  const {compare, clock} = vectors('hlc');
  for (const {a, b, byteOrderSign, agree} of compare) if (agree) assert.equal(Math.sign(compareTimestamps(a, b)), byteOrderSign);
  for (const {name, strict, nodeId, steps} of clock) {
    if (strict) continue;  // the client runs the other mode
    let wall = 0;
    const local = new Clock(nodeId, () => wall);
    for (const step of steps) {
      wall = step.wall;
      if (step.op === 'now') assert.deepEqual(local.tick(), step.result, name);
      else local.receive(step.remote);
    }
  }
});

test('lww_merge.json', () => {
  const {scripts, convergence} = vectors('lww_merge');
  for (const {name, steps} of scripts) {
    let wall = 0;
    const map = new LwwMap('m', new Clock('local', () => wall));
    for (const step of steps) {
      wall = step.wall;
      const {op, key, record, value, ttlMs} = step;
      if (step.error) assert.throws(() => map.set(key, value, ttlMs), RangeError, name);
      else if (op === 'set') assert.deepEqual(map.set(key, value, ttlMs), step.result, name);
      if (op === 'remove') assert.deepEqual(map.remove(key), step.result, name);
      if (op === 'merge') assert.equal(map.merge(key, record), step.accepted, name);
      if (op === 'adoptServerEcho') assert.equal(map.adoptEcho(key, record), step.adopted, name);
      if (op === 'prune') assert.deepEqual(map.prune(step.olderThan), step.removedKeys, name);
      if (op === 'clear') map.clear();
      for (const [stateKey, {record: stored}] of Object.entries(step.state)) {
        assert.deepEqual(map.records.get(stateKey) ?? null, stored, name);
      }
      assert.equal(map.tree.root(), step.rootHash, name);
      assert.deepEqual(plain(map.visible()), Object.fromEntries(step.entries), name);
    }
  }
  for (const {key, records, winnerForEveryOrder} of convergence) {
    for (const order of permutations(records)) {
      const map = new LwwMap('m', new Clock('local'));
      for (const record of order) map.merge(key, record);
      assert.deepEqual(map.records.get(key), winnerForEveryOrder);
    }
  }
});

test('ormap_merge.json', () => {
  const {scripts, convergence} = vectors('ormap_merge');
  const check = (map, state, name) => {
    assert.deepEqual(itemsOf(map), state.items, name);
    assert.deepEqual([...map.tombstones].sort(), state.tombstones, name);
    assert.equal(map.tree.root(), state.rootHash, name);
  };
  for (const {name, steps} of scripts) {
    let wall = 0;
    const map = new OrMap('m', new Clock('local', () => wall));
    for (const step of steps) {
      wall = step.wall;
      const {op, key, value, record, records, tombstones, tag, ttlMs} = step;
      if (step.error) assert.throws(() => map.add(key, value, ttlMs), RangeError, name);
      else if (op === 'add') assert.deepEqual(map.add(key, value, ttlMs), step.result, name);
      if (op === 'remove') assert.deepEqual(map.remove(key, value), step.removedTags, name);
      if (op === 'apply') assert.equal(map.apply(key, record), step.applied, name);
      if (op === 'applyTombstone') map.applyTombstone(tag);
      if (op === 'mergeKey') assert.deepEqual(map.mergeKey(key, records, tombstones), step.result, name);
      if (op === 'mergeMap') mergeMap(map, step.other);
      if (op === 'prune') assert.deepEqual(map.prune(step.olderThan).sort(), step.removedTags, name);
      if (op === 'clear') map.clear();
      check(map, step.state, `${name}: ${op}`);
      for (const [visibleKey, values] of Object.entries(step.state.visible)) {
        assert.deepEqual(map.visible().get(visibleKey) ?? [], values, name);
      }
    }
  }
  for (const {key, deltas, stateForEveryOrder} of convergence) {
    for (const order of permutations(deltas)) {
      const map = new OrMap('m', new Clock('local'));
      for (const {records, tombstones} of order) map.mergeKey(key, records, tombstones);
      check(map, stateForEveryOrder, key);
    }
  }
});

test('merkle.json: trees', () => {
  const {lww, or} = vectors('merkle');
  const check = (name, map, {rootHash, nodes, leaves}) => {
    assert.equal(map.tree.root(), rootHash, name);
    for (const [path, expected] of Object.entries(nodes)) assert.equal(map.tree.at(path), expected, `${name}: ${path}`);
    for (const [path, keys] of Object.entries(leaves ?? {})) {
      assert.deepEqual(Object.fromEntries(map.tree.leaves.get(path)), keys, `${name}: ${path}`);
    }
  };
  for (const {name, entries, thenSteps = [], tree} of lww) {
    const map = loaded('lww', {entries});
    for (const {op, key, record, olderThan, rootHashAfter} of thenSteps) {
      if (op === 'merge') map.merge(key, record);
      else map.prune(olderThan);
      assert.equal(map.tree.root(), rootHashAfter, name);
    }
    check(name, map, tree);
  }
  for (const {name, entries, tombstones, thenSteps = [], tree} of or) {
    const map = loaded('or', {entries, tombstones});
    for (const {op, key, record, tag, rootHashAfter} of thenSteps) {
      if (op === 'apply') map.apply(key, record);
      else map.applyTombstone(tag);
      assert.equal(map.tree.root(), rootHashAfter, name);
    }
    check(name, map, tree);
  }
});

test('merkle.json: the client\'s side of every conversation', () => {
  for (const {kind, name, client, exchange, final} of vectors('merkle').transcripts) {
    const map = loaded(kind, client);
    const unsent = [firstMessage(map, 0)];
    for (const {from, message} of exchange) {
      if (from === 'client') assert.deepEqual(unsent.shift(), message, name);
      else if (from === 'server') unsent.push(...answersTo(map, message));
    }
    assert.deepEqual(unsent, [], name);
    assert.equal(map.tree.root(), final.clientRootHash, name);
    if (kind === 'lww') assert.deepEqual(Object.fromEntries(map.records), final.clientRecords, name);
    else assert.deepEqual(itemsOf(map), mapValues(final.clientRecords, sortedRecords), name);
  }
});

test('the op log: leading integers, results, and an id that is none', () => {
  const filled = () => {
    const log = new OpLog();
    for (let i = 0; i < 4; i++) log.append({key: `k${i}`});
    return log;
  };
  const left = (ack) => {
    const log = filled();
    log.acknowledge(ack);
    return log.ops().map(({id}) => id);
  };
  assert.deepEqual(left({lastId: '2'}), ['3', '4']);
  assert.deepEqual(left({lastId: '1', results: [{opId: '3', success: false}]}), ['2', '4']);
  assert.deepEqual(left({lastId: '0'}), ['1', '2', '3', '4']);
  assert.deepEqual(left({lastId: 'unknown'}), []);
});

// One vector says how its entries are made instead of listing them.
const listed = (entries) => Array.isArray(entries) ? entries : Array.from({length: 600}, (_, i) => (
    {key: `row/${i}`, record: {value: i, timestamp: {millis: 1700000000000 + i, counter: 0, nodeId: 'n'}}}));

function loaded(kind, {entries, tombstones = []}) {
  const map = kind === 'lww' ? new LwwMap('m', new Clock('local')) : new OrMap('m', new Clock('local'));
  for (const {key, record} of listed(entries)) kind === 'lww' ? map.merge(key, record) : map.apply(key, record);
  for (const tag of tombstones) map.applyTombstone(tag);
  return map;
}

// Merging a whole map adds the tags that are unknown here and replaces none.
function mergeMap(map, {items, tombstones}) {
  for (const tag of tombstones) map.applyTombstone(tag);
  for (const {key, record} of items) if (!map.keyOfTag.has(record.tag)) map.mergeKey(key, [record], []);
}

const mapValues = (object, change) => Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));

function permutations(list) {
  if (list.length < 2) return [list];
  return list.flatMap((each, i) => permutations([...list.slice(0, i), ...list.slice(i + 1)]).map((rest) => [each, ...rest]));
}
