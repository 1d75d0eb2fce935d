// An independent client of the wire protocol: `ws` and `msgpackr`, nothing of ours.
//
// It encodes what core.md 1.2 says (map16 always, whole numbers outside 32 bits as float64) and speaks the life cycle of core.md 2: AUTH_REQUIRED, AUTH,
// AUTH_ACK, PING. Every frame that arrives is kept in `frames` and offered to whoever waits.
import {Packr} from 'msgpackr';
import WebSocket from 'ws';

const packr = new Packr({useRecords: false, variableMapSize: false, int64AsType: 'number'});

export const pack = (message) => packr.pack(message);
export const unpack = (bytes) => packr.unpack(bytes);

// Waits for a condition, never for a time.
export async function until(condition, what, patienceMs = 30_000) {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`gave up waiting for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export class Client {
  // `tls`: options of Node's TLS for a wss:// URL.
  constructor(url, {token, deviceToken, nodeId, headers, tls = {}} = {}) {
    this.url = url;
    this.headers = headers;  // of the upgrade request
    this.token = token;
    this.tls = tls;
    this.device = deviceToken ? {deviceToken} : {};
    this.nodeId = nodeId ?? `client-${Math.random().toString(36).slice(2, 10)}`;
    this.frames = [];
    this.waiters = new Set();
    this.handlers = new Set();
    this.nextId = 1;
    this.counter = 0;
    this.lastMillis = 0;
  }

  // Resolves when the server has accepted the token (or, without a token, the device hello).
  async connect() {
    this.socket = new WebSocket(this.url, {perMessageDeflate: false, headers: this.headers, ...this.tls});
    this.closed = new Promise((resolve) => {
      this.socket.once('close', (code, reason) => {
        this.closeCode = code;
        this.closeReason = reason.toString();
        clearInterval(this.heartbeat);
        resolve(code);
      });
    });
    this.socket.on('error', () => {});
    let required;
    this.socket.on('message', (data, isBinary) => this.receive(data, isBinary));
    await new Promise((resolve, reject) => {
      this.socket.once('open', () => {
        // From here on it may arrive; a connection that fails before waits for nothing.
        if (this.token) required = this.waitFor((frame) => frame.type === 'AUTH_REQUIRED', 'AUTH_REQUIRED');
        required?.catch(() => {});
        resolve();
      });
      this.socket.once('error', reject);
    });
    if (this.token) {
      await required;
      this.send({type: 'AUTH', token: this.token, ...this.device});
      await this.waitFor((frame) => frame.type === 'AUTH_ACK', 'AUTH_ACK');
    } else {
      this.send({type: 'DEVICE_HELLO', ...this.device});
      await this.waitFor((frame) => frame.type === 'DEVICE_ACK');
    }
    this.heartbeat = setInterval(() => this.send({type: 'PING', timestamp: Date.now()}), 5000);
    return this;
  }

  receive(data, isBinary) {
    if (!isBinary) throw new Error('the server sent a text frame');
    const frame = unpack(data);
    this.frames.push(frame);
    for (const handler of this.handlers) handler(frame);
    for (const waiter of this.waiters) {
      if (!waiter.matches(frame)) continue;
      this.waiters.delete(waiter);
      clearTimeout(waiter.timer);
      waiter.resolve(frame);
    }
  }

  onFrame(handler) {
    this.handlers.add(handler);
  }

  // The first matching frame from now on.
  waitFor(matches, what = 'a frame', patienceMs = 30_000) {
    return new Promise((resolve, reject) => {
      const waiter = {matches, resolve};
      waiter.timer = setTimeout(() => {
        this.waiters.delete(waiter);
        reject(new Error(`${this.nodeId} gave up waiting for ${what}; last frames: ` +
                         JSON.stringify(this.frames.slice(-3))));
      }, patienceMs);
      this.waiters.add(waiter);
    });
  }

  send(message) {
    this.sendRaw(pack(message));
  }

  sendRaw(bytes) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(bytes);
  }

  // A timestamp of this client's clock.
  tick() {
    const now = Date.now();
    if (now > this.lastMillis) {
      this.lastMillis = now;
      this.counter = 0;
    } else {
      this.counter += 1;
    }
    return {millis: this.lastMillis, counter: this.counter, nodeId: this.nodeId};
  }

  // Operations as the stock client writes them (core.md 5.1).
  put(mapName, key, value) {
    const timestamp = this.tick();
    return {mapName, opType: 'PUT', key, record: {value, timestamp}, timestamp, synced: false, id: String(this.nextId++)};
  }

  remove(mapName, key) {
    const timestamp = this.tick();
    return {mapName, opType: 'REMOVE', key, record: {value: null, timestamp}, timestamp, synced: false, id: String(this.nextId++)};
  }

  orAdd(mapName, key, value) {
    const timestamp = this.tick();
    const tag = `${timestamp.millis}:${timestamp.counter}:${timestamp.nodeId}`;
    return {mapName, opType: 'OR_ADD', key, orRecord: {value, timestamp, tag}, timestamp, synced: false, id: String(this.nextId++)};
  }

  orRemove(mapName, key, tag) {
    const timestamp = this.tick();
    return {mapName, opType: 'OR_REMOVE', key, orTag: tag, timestamp, synced: false, id: String(this.nextId++)};
  }

  // Sends one OP_BATCH and resolves with the ack that covers its last op.
  async write(...ops) {
    const last = Number(ops[ops.length - 1].id);
    const acked = this.waitFor(
        (frame) => frame.type === 'OP_ACK' && Number(frame.payload.lastId) >= last, `the ack of ${last}`);
    this.send({type: 'OP_BATCH', payload: {ops}});
    return (await acked).payload;
  }

  // Subscribes to a whole map; resolves with the snapshot's rows.
  async query(mapName, queryId = `q-${mapName}`) {
    const answered = this.waitFor(
        (frame) => frame.type === 'QUERY_RESP' && frame.payload.queryId === queryId, `QUERY_RESP of ${mapName}`);
    this.send({type: 'QUERY_SUB', payload: {queryId, mapName, query: {}}});
    return (await answered).payload.results;
  }

  unsubscribe(queryId) {
    this.send({type: 'QUERY_UNSUB', payload: {queryId}});
  }

  async close() {
    clearInterval(this.heartbeat);
    this.socket.close();
    await this.closed;
  }
}

// A live copy of a map as an application sees it: the query's rows kept current by QUERY_UPDATE (LWW), or the OR records kept current by
// SERVER_EVENT. Removed tags are remembered, because an add may arrive after its removal.
export class Replica {
  constructor(client, mapName) {
    this.client = client;
    this.mapName = mapName;
    this.rows = new Map();
    this.tags = new Map();
    this.deadTags = new Set();
    this.queryId = `replica-${mapName}`;
    client.onFrame((frame) => this.apply(frame));
  }

  async start() {
    await this.client.query(this.mapName, this.queryId);
    return this;
  }

  apply({type, payload}) {
    if (type === 'QUERY_RESP' && payload.queryId === this.queryId) {
      this.rows = new Map(payload.results.map(({key, value}) => [key, value]));
    } else if (type === 'QUERY_UPDATE' && payload.queryId === this.queryId) {
      if (payload.changeType === 'LEAVE') this.rows.delete(payload.key);
      else this.rows.set(payload.key, payload.value);
    } else if (type === 'SERVER_EVENT' && payload.mapName === this.mapName) {
      this.applyEvent(payload);
    }
  }

  applyEvent({eventType, key, orRecord, orTag}) {
    if (eventType === 'OR_ADD' && !this.deadTags.has(orRecord.tag)) {
      this.tags.set(orRecord.tag, {key, value: orRecord.value});
    } else if (eventType === 'OR_REMOVE') {
      this.deadTags.add(orTag);
      this.tags.delete(orTag);
    }
  }
}
