// MessagePack as bytes, for what no packer writes and no unpacker checks.

// Every number as float64, every map as map16: what the stock client may send where an integer is expected (core.md 1.2).
export function packFloats(value) {
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xc3 : 0xc2]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(9, 0xcb);
    bytes.writeDoubleBE(value, 1);
    return bytes;
  }
  if (typeof value === 'string') return Buffer.concat([sized(0xda, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Array.isArray(value)) return Buffer.concat([sized(0xdc, value.length), ...value.map(packFloats)]);
  const members = Object.entries(value);
  return Buffer.concat([sized(0xde, members.length), ...members.flatMap(([name, member]) => [packFloats(name), packFloats(member)])]);
}

function sized(code, size) {
  const bytes = Buffer.from([code, 0, 0]);
  bytes.writeUInt16BE(size, 1);
  return bytes;
}

// Where the value that starts at `at` ends. Throws at what a client may not be sent (core.md 1.3): keys that are no strings, extensions, 0xc1.
export function endOfValue(bytes, at = 0) {
  const code = bytes[at];
  const next = at + 1;
  if (code <= 0x7f || code >= 0xe0 || code === 0xc0 || code === 0xc2 || code === 0xc3) return next;
  if (code <= 0x8f) return endOfMap(bytes, next, code & 0x0f);
  if (code <= 0x9f) return endOfArray(bytes, next, code & 0x0f);
  if (code <= 0xbf) return next + (code & 0x1f);
  const fixed = {0xca: 4, 0xcb: 8, 0xcc: 1, 0xcd: 2, 0xce: 4, 0xcf: 8, 0xd0: 1, 0xd1: 2, 0xd2: 4, 0xd3: 8}[code];
  if (fixed) return next + fixed;
  const sizeBytes = {0xc4: 1, 0xc5: 2, 0xc6: 4, 0xd9: 1, 0xda: 2, 0xdb: 4, 0xdc: 2, 0xdd: 4, 0xde: 2, 0xdf: 4}[code];
  if (!sizeBytes) throw new Error(`byte ${code.toString(16)} at ${at} may not be sent`);
  const size = bytes.readUIntBE(next, sizeBytes);
  if (code >= 0xde) return endOfMap(bytes, next + sizeBytes, size);
  if (code >= 0xdc) return endOfArray(bytes, next + sizeBytes, size);
  return next + sizeBytes + size;
}

function endOfArray(bytes, at, size) {
  for (let i = 0; i < size; i++) at = endOfValue(bytes, at);
  return at;
}

function endOfMap(bytes, at, size) {
  for (let i = 0; i < size; i++) {
    const isText = (bytes[at] >= 0xa0 && bytes[at] <= 0xbf) || (bytes[at] >= 0xd9 && bytes[at] <= 0xdb);
    if (!isText) throw new Error(`the key at ${at} is no string`);
    at = endOfValue(bytes, endOfValue(bytes, at));
  }
  return at;
}
