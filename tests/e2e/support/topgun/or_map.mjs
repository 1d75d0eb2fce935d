// A client's observed-remove map (core.md 4.2) with its Merkle tree. Tombstones are one set of tags for the whole map.
import {compareTimestamps, parseTimestamp, timestampText} from './clock.mjs';
import {orItemHash} from './item_hash.mjs';
import {isExpired, ttlMember} from './lww_map.mjs';
import {MerkleTree} from './merkle.mjs';

export class OrMap {
  constructor(name, clock) {
    Object.assign(this, {name, clock, kind: 'or'});
    this.clear();
  }

  clear() {
    this.items = new Map();       // key -> Map(tag -> record)
    this.keyOfTag = new Map();
    this.tombstones = new Set();
    this.tree = new MerkleTree();
  }

  add(key, value, ttlMs) {
    const timestamp = this.clock.tick();
    const record = {value, timestamp, tag: timestampText(timestamp), ...ttlMember(ttlMs)};
    this.#store(key, record);
    this.#refresh(key);
    return record;
  }

  // Returns the tags that became tombstones.
  remove(key, value) {
    const tags = this.recordsOf(key).filter((record) => record.value === value).map(({tag}) => tag);
    for (const tag of tags) this.applyTombstone(tag);
    return tags;
  }

  apply(key, record) {
    if (this.tombstones.has(record.tag)) return false;
    this.#store(key, record);
    this.clock.receive(record.timestamp);
    this.#refresh(key);
    return true;
  }

  applyTombstone(tag) {
    this.tombstones.add(tag);
    const key = this.keyOfTag.get(tag);
    if (key === undefined) return;
    this.items.get(key)?.delete(tag);
    this.keyOfTag.delete(tag);
    this.#refresh(key);
  }

  mergeKey(key, records, tombstones) {
    const counts = {added: 0, updated: 0};
    for (const tag of tombstones) this.tombstones.add(tag);
    for (const {tag} of this.recordsOf(key)) {
      if (!this.tombstones.has(tag)) continue;
      this.items.get(key).delete(tag);
      this.keyOfTag.delete(tag);
    }
    for (const record of records) {
      if (this.tombstones.has(record.tag)) continue;
      this.clock.receive(record.timestamp);
      const local = this.items.get(key)?.get(record.tag);
      if (local && compareTimestamps(record.timestamp, local.timestamp) <= 0) continue;
      counts[local ? 'updated' : 'added'] += 1;
      this.#store(key, record);
    }
    this.#refresh(key);
    return counts;
  }

  prune(olderThan) {
    const removed = [...this.tombstones].filter((tag) => {
      const timestamp = parseTimestamp(tag);
      return timestamp && compareTimestamps(timestamp, olderThan) < 0;
    });
    for (const tag of removed) this.tombstones.delete(tag);
    return removed;
  }

  recordsOf(key) {
    return [...this.items.get(key)?.values() ?? []];
  }

  // What an application sees: key -> values.
  visible() {
    const now = this.clock.now();
    return new Map([...this.items.keys()].map((key) => [
      key, this.recordsOf(key).filter((record) => !this.tombstones.has(record.tag) && !isExpired(record, now)).map(({value}) => value)]));
  }

  #store(key, record) {
    if (!this.items.has(key)) this.items.set(key, new Map());
    this.items.get(key).set(record.tag, record);
    this.keyOfTag.set(record.tag, key);
  }

  #refresh(key) {
    const records = this.recordsOf(key);
    if (records.length > 0) {
      this.tree.set(key, orItemHash(key, records));
    } else {
      this.items.delete(key);
      this.tree.remove(key);
    }
  }
}
