// Profiles as our processes answer them: fetched, and read into plain objects.
//
//   { types: ['samples', 'cpu'], units: ['count', 'nanoseconds'], durationS, comments,
//     samples: [{ values: [1, 10000000], thread: 'loop-0', frames: [{ name, file, line }] }] }
//
// Frames start with the innermost function; inlined ones are frames of their own.

import { gunzipSync } from 'node:zlib';
import { get } from './cluster.mjs';
import { fail } from './fail.mjs';

// Beyond the time asked for: names of functions are looked up at the end of a profile.
const PATIENCE_MS = 60_000;

// fetchProfile(service, '/debug/pprof/profile?seconds=5', 5)
export async function fetchProfile(service, target, seconds = 0) {
  const response = await get(service, target, { timeoutMs: seconds * 1000 + PATIENCE_MS });
  if (response.status !== 200) {
    fail(`${service.name} has no profile for us: ${(await response.text()).trim()}`);
  }
  const bytes = Buffer.from(await response.arrayBuffer());
  return { bytes, profile: readProfile(gunzipSync(bytes)) };
}

// Fields of a protobuf message: [number, value] with BigInt-free numbers or Buffers.
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const wireType = key % 8;
    const field = Math.floor(key / 8);
    if (wireType === 0) {
      yield [field, varint()];
    } else if (wireType === 2) {
      const size = varint();
      yield [field, bytes.subarray(at, (at += size))];
    } else {
      fail(`a profile with a field of wire type ${wireType}`);
    }
  }
}

function packed(bytes) {
  const values = [];
  let value = 0;
  let scale = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) {
      values.push(value);
      value = 0;
      scale = 1;
    }
  }
  return values;
}

function message(bytes) {
  const found = {};
  for (const [field, value] of fields(bytes)) (found[field] ??= []).push(value);
  return found;
}

// readProfile(bytes): of the uncompressed protobuf; field numbers as in pprof's profile.proto.
function readProfile(bytes) {
  const profile = message(bytes);
  const texts = profile[6].map((text) => text.toString());
  const typeOf = (type) => [texts[type[1]?.[0] ?? 0], texts[type[2]?.[0] ?? 0]];
  const types = (profile[1] ?? []).map((type) => typeOf(message(type)));
  const functions = new Map();
  for (const encoded of profile[5] ?? []) {
    const it = message(encoded);
    functions.set(it[1][0], { name: texts[it[2]?.[0] ?? 0], file: texts[it[4]?.[0] ?? 0] });
  }
  const locations = new Map();
  for (const encoded of profile[4] ?? []) {
    const it = message(encoded);
    const lines = (it[4] ?? []).map((line) => message(line));
    locations.set(
      it[1][0],
      lines.map((line) => ({ ...functions.get(line[1][0]), line: line[2]?.[0] ?? 0 })),
    );
  }
  const samples = (profile[2] ?? []).map((encoded) => {
    const it = message(encoded);
    const label = it[3] ? message(it[3][0]) : null;
    return {
      values: packed(it[2][0]),
      thread: label ? texts[label[2][0]] : '',
      frames: packed(it[1]?.[0] ?? []).flatMap((id) => locations.get(id)),
    };
  });
  return {
    types: types.map(([type]) => type),
    units: types.map(([, unit]) => unit),
    durationS: (profile[10]?.[0] ?? 0) / 1e9,
    comments: (profile[13] ?? []).map((index) => texts[index]),
    samples,
  };
}
