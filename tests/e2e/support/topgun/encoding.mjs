// The bytes the stock client puts into a frame (core.md 1.2): messages are first rebuilt from plain maps and arrays, then packed with
// map16 for every map and float64 for every whole number outside 32 bits.
import {Packr} from 'msgpackr';

const packr = new Packr({useRecords: false, variableMapSize: false, int64AsType: 'number'});

// Members that are undefined disappear, everything else that is an object becomes the plain map of its own members.
function normalise(value) {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((member) => normalise(member) ?? null);
  const out = {};
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) out[name] = normalise(member);
  }
  return out;
}

export const encode = (message) => packr.pack(normalise(message) ?? null);
export const decode = (bytes) => packr.unpack(bytes);
