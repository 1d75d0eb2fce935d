// What a map's entry contributes to the Merkle tree (core.md 7.3).
import {hash} from './merkle.mjs';

export const lwwItemHash = (key, {millis, counter, nodeId}) => hash(`${key}:${millis}:${counter}:${nodeId}`);

// The client passes the sorted list of the value's own top-level keys as JSON.stringify's filter, which applies it at every level.
function valueText(value) {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'object') return JSON.stringify(value, Object.keys(value).sort());
  return String(value);
}

export function orItemText(key, records) {
  const sorted = [...records].sort((a, b) => a.tag < b.tag ? -1 : 1);
  const parts = sorted.map(({tag, value, timestamp, ...rest}) => {
    const ttl = 'ttlMs' in rest && rest.ttlMs !== undefined ? `:ttl=${rest.ttlMs}` : '';
    return `|${tag}:${valueText(value)}:${timestamp.millis}:${timestamp.counter}:${timestamp.nodeId}${ttl}`;
  });
  return `key:${key}${parts.join('')}`;
}

export const orItemHash = (key, records) => hash(orItemText(key, records));
