// A question to Redis over its socket: just enough of its protocol to read INFO and SLOWLOG.

import { connect } from 'node:net';

const ANSWER_TIMEOUT_MS = 5_000;
const ANSWER_BYTES_MAX = 16 << 20;

// ask(socketPath, ['INFO', 'commandstats']): strings, numbers, arrays; errors throw.
export function ask(socketPath, words) {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let received = Buffer.alloc(0);
    const end = (act, value) => {
      socket.destroy();
      act(value);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(reject, new Error('Redis does not answer')));
    socket.on('error', (error) => end(reject, error));
    socket.on('close', () => reject(new Error('Redis closed the connection')));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length > ANSWER_BYTES_MAX) end(reject, new Error('Redis answers too much'));
      const parsed = parse(received, 0);
      if (!parsed) return;
      if (parsed.value instanceof Error) end(reject, parsed.value);
      else end(resolve, parsed.value);
    });
    const pieces = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    socket.write(`*${words.length}\r\n${pieces.join('')}`);
  });
}

// { value, next } or null when the answer is not there as a whole yet.
export function parse(bytes, at) {
  const end = bytes.indexOf('\r\n', at);
  if (end < 0) return null;
  const line = bytes.toString('utf8', at + 1, end);
  const next = end + 2;
  switch (String.fromCharCode(bytes[at])) {
    case '+':
      return { value: line, next };
    case '-':
      return { value: new Error(line), next };
    case ':':
      return { value: Number(line), next };
    case '$': {
      const size = Number(line);
      if (size < 0) return { value: null, next };
      if (bytes.length < next + size + 2) return null;
      return { value: bytes.toString('utf8', next, next + size), next: next + size + 2 };
    }
    case '*': {
      const value = [];
      let position = next;
      for (let i = 0; i < Number(line); ++i) {
        const item = parse(bytes, position);
        if (!item) return null;
        value.push(item.value);
        position = item.next;
      }
      return { value, next: position };
    }
    default:
      return { value: new Error(`Redis answers something unknown: ${line.slice(0, 40)}`), next };
  }
}

// parseInfo(text of INFO): Map from field to text.
export function parseInfo(text) {
  const fields = new Map();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

// commandStats(fields of INFO commandstats): Map from command to { calls, usec }.
export function commandStats(fields) {
  const stats = new Map();
  for (const [name, text] of fields) {
    const found = /^cmdstat_(.+)$/.exec(name);
    const numbers = /calls=(\d+),usec=(\d+)/.exec(text);
    if (found && numbers) stats.set(found[1], { calls: Number(numbers[1]), usec: Number(numbers[2]) });
  }
  return stats;
}

// scriptDelta(before, after): scripts and transactions that ran in between, and their time inside Redis.
export function scriptDelta(before, after) {
  let calls = 0;
  let usec = 0;
  for (const name of ['eval', 'evalsha', 'exec']) {
    calls += (after.get(name)?.calls ?? 0) - (before.get(name)?.calls ?? 0);
    usec += (after.get(name)?.usec ?? 0) - (before.get(name)?.usec ?? 0);
  }
  return { calls, usec, meanUs: calls === 0 ? 0 : usec / calls };
}
