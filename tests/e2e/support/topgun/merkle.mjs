// Hashes and the Merkle tree of a replicated map, by the client's formulas (core.md 7.1 and 7.2).

// FNV-1a over UTF-16 code units.
export function hash(text) {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h >>> 0;
}

export function mix(h) {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export const combine = (hashes) => hashes.reduce((sum, each) => (sum + mix(each)) >>> 0, 0);

const DEPTH = 3;
export const pathOf = (key) => hash(key).toString(16).padStart(8, '0').slice(0, DEPTH);

// Every hash is kept, so that an update costs one step per level: a node is the sum of its children's mixed hashes.
export class MerkleTree {
  constructor() {
    this.hashes = new Map();  // path of length 0 to 3 -> hash
    this.leaves = new Map();  // path of length 3 -> Map(key -> item hash)
  }

  root() {
    return this.at('');
  }

  at(path) {
    return this.hashes.get(path) ?? 0;
  }

  // The children of an inner node, also those whose keys are all gone again: digit -> hash.
  buckets(path) {
    const out = {};
    for (const digit of '0123456789abcdef') {
      if (this.hashes.has(path + digit)) out[digit] = this.at(path + digit);
    }
    return out;
  }

  keysAt(path) {
    return [...this.leaves.get(path)?.keys() ?? []];
  }

  set(key, itemHash) {
    const path = pathOf(key);
    if (!this.leaves.has(path)) this.leaves.set(path, new Map());
    const leaf = this.leaves.get(path);
    this.#replace(path, leaf.get(key) ?? 0, itemHash);
    leaf.set(key, itemHash);
  }

  remove(key) {
    const path = pathOf(key);
    const leaf = this.leaves.get(path);
    if (!leaf?.has(key)) return;
    this.#replace(path, leaf.get(key), 0);
    leaf.delete(key);
  }

  #replace(path, before, after) {
    for (let length = DEPTH; length >= 0; length--) {
      const node = path.slice(0, length);
      const old = this.at(node);
      const updated = (old - mix(before) + mix(after)) >>> 0;
      this.hashes.set(node, updated);
      [before, after] = [old, updated];
    }
  }
}
