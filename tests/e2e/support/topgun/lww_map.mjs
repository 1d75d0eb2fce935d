// A client's last-writer-wins map (core.md 4.1) with its Merkle tree.
import {isDeepStrictEqual} from 'node:util';

import {compareTimestamps} from './clock.mjs';
import {lwwItemHash} from './item_hash.mjs';
import {MerkleTree} from './merkle.mjs';

// The ttlMs member of a record, if it has one; a refused one has used up its clock tick.
export function ttlMember(ttlMs) {
  if (ttlMs === undefined) return {};
  if (!Number.isFinite(ttlMs) || ttlMs <= 0) throw new RangeError(`ttlMs ${ttlMs}`);
  return {ttlMs};
}

export const isExpired = ({timestamp, ttlMs}, now) => Boolean(ttlMs) && timestamp.millis + ttlMs < now;

export class LwwMap {
  constructor(name, clock) {
    Object.assign(this, {name, clock, kind: 'lww'});
    this.clear();
  }

  clear() {
    this.records = new Map();
    this.tree = new MerkleTree();
  }

  set(key, value, ttlMs) {
    return this.#store(key, {value, timestamp: this.clock.tick(), ...ttlMember(ttlMs)});
  }

  remove(key) {
    return this.#store(key, {value: null, timestamp: this.clock.tick()});
  }

  merge(key, record) {
    this.clock.receive(record.timestamp);
    const local = this.records.get(key);
    if (local && compareTimestamps(record.timestamp, local.timestamp) <= 0) return false;
    this.#store(key, record);
    return true;
  }

  // An event that lost the merge but says what is here anyway brings the timestamp the server keeps.
  adoptEcho(key, record) {
    const local = this.records.get(key);
    if (!local || compareTimestamps(record.timestamp, local.timestamp) > 0) return false;
    if (!isDeepStrictEqual(local.value, record.value)) return false;
    this.#store(key, record);
    return true;
  }

  prune(olderThan) {
    const removed = [];
    for (const [key, {value, timestamp}] of this.records) {
      if (value !== null || compareTimestamps(timestamp, olderThan) >= 0) continue;
      this.records.delete(key);
      this.tree.remove(key);
      removed.push(key);
    }
    return removed;
  }

  // What an application sees.
  visible() {
    const now = this.clock.now();
    return new Map([...this.records].filter(([, record]) => record.value !== null && !isExpired(record, now))
                       .map(([key, {value}]) => [key, value]));
  }

  #store(key, record) {
    this.records.set(key, record);
    this.tree.set(key, lwwItemHash(key, record.timestamp));
    return record;
  }
}
