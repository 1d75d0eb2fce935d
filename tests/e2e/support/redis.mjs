// Just enough RESP to read binary state out of Redis, and the cell layout of docs/state-layout.md.
import net from 'node:net';

class Parser {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }
  line() {
    const end = this.bytes.indexOf('\r\n', this.at);
    if (end < 0) throw new RangeError('incomplete');
    const text = this.bytes.toString('latin1', this.at, end);
    this.at = end + 2;
    return text;
  }
  value() {
    const line = this.line();
    const count = Number(line.slice(1));
    if (line[0] === '+' || line[0] === ':') return line.slice(1);
    if (line[0] === '-') throw new Error(line.slice(1));
    if (line[0] === '*') return Array.from({length: Math.max(count, 0)}, () => this.value());
    if (count < 0) return null;
    if (this.at + count + 2 > this.bytes.length) throw new RangeError('incomplete');
    const out = this.bytes.subarray(this.at, this.at + count);
    this.at += count + 2;
    return out;
  }
}

// One command on a fresh connection; bulk strings come back as Buffers.
export function command(socketPath, ...args) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    const parts = args.map((arg) => Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg)));
    socket.write(Buffer.concat([Buffer.from(`*${parts.length}\r\n`),
                                ...parts.flatMap((part) => [Buffer.from(`$${part.length}\r\n`), part, Buffer.from('\r\n')])]));
    const chunks = [];
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      try {
        resolve(new Parser(Buffer.concat(chunks)).value());
        socket.end();
      } catch (error) {
        if (!(error instanceof RangeError)) reject(error);
      }
    });
  });
}

function readVarint(bytes, at) {
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return [value, at];
    scale *= 128;
  }
}

export function decodeCell(bytes) {
  const flags = bytes[1];
  let at = 2;
  const numbers = [];
  for (let i = 0; i < 6; i++) {
    const [value, next] = readVarint(bytes, at);
    numbers.push(value);
    at = next;
  }
  at += numbers[5] + (flags & 2 ? 8 : 0);  // node id, ttl
  return {tombstone: (flags & 1) !== 0, value: bytes.subarray(at)};
}

export function decodeOrField(bytes) {
  const [length, at] = readVarint(bytes, 0);
  return {key: bytes.toString('utf8', at, at + length), tag: bytes.toString('utf8', at + length)};
}
