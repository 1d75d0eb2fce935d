// The stock client's behaviour, written from core.md alone: an offline op log, replicated maps, live queries and Merkle sync over a
// connection that comes and goes. Independent of every line of the server.
//
// A write changes the client's own map at once and goes out when the server can be reached; `state` and the maps tell the rest.
import {randomBytes} from 'node:crypto';

import {Clock} from './topgun/clock.mjs';
import {Connection} from './topgun/connection.mjs';
import {LwwMap} from './topgun/lww_map.mjs';
import {answersTo, firstMessage} from './topgun/merkle_sync.mjs';
import {OpLog} from './topgun/op_log.mjs';
import {OrMap} from './topgun/or_map.mjs';

export class TopGunClient {
  // `now` is the wall clock of the client's machine.
  constructor({token, deviceToken, nodeId = `client-${randomBytes(4).toString('hex')}`, now = Date.now} = {}) {
    this.nodeId = nodeId;
    this.clock = new Clock(nodeId, now);
    this.log = new OpLog();
    this.maps = {lww: new Map(), or: new Map()};
    this.queries = new Map();  // query id -> {mapName, query, rows}
    this.lastSyncTimestamp = 0;
    this.received = {};        // type -> how many messages of it
    this.errors = [];
    this.levels = new Set();   // that acks have reported
    this.writeConcern = undefined;  // of what is written from now on; the stock client names none
    this.connection = new Connection(this, {token, deviceToken});
  }

  get state() {
    return this.connection.state;
  }

  get ready() {
    return this.state === 'READY';
  }

  online(...urls) {
    this.connection.start(urls);
  }

  offline() {
    this.connection.stop();
  }

  lww(name) {
    if (!this.maps.lww.has(name)) this.maps.lww.set(name, new LwwMap(name, this.clock));
    return this.maps.lww.get(name);
  }

  or(name) {
    if (!this.maps.or.has(name)) this.maps.or.set(name, new OrMap(name, this.clock));
    return this.maps.or.get(name);
  }

  put(mapName, key, value, ttlMs) {
    const record = this.lww(mapName).set(key, value, ttlMs);
    return this.#write({mapName, opType: 'PUT', key, record, timestamp: record.timestamp});
  }

  remove(mapName, key) {
    const record = this.lww(mapName).remove(key);
    return this.#write({mapName, opType: 'REMOVE', key, record, timestamp: record.timestamp});
  }

  orAdd(mapName, key, value, ttlMs) {
    const orRecord = this.or(mapName).add(key, value, ttlMs);
    return this.#write({mapName, opType: 'OR_ADD', key, orRecord, timestamp: orRecord.timestamp});
  }

  orRemove(mapName, key, value) {
    return this.or(mapName).remove(key, value).map(
        (orTag) => this.#write({mapName, opType: 'OR_REMOVE', key, orTag, timestamp: this.clock.tick()}));
  }

  // A live query over a whole map; it also subscribes the client to the map's events.
  watch(mapName, queryId = `q-${mapName}`) {
    const query = {mapName, query: {}, rows: new Map(), settled: false};
    this.queries.set(queryId, query);
    if (this.ready) this.#subscribe(queryId, query);
    return query;
  }

  // Everything written inside goes out as one OP_BATCH.
  together(writes) {
    this.collecting = true;
    try {
      writes();
    } finally {
      this.collecting = false;
    }
    this.#sendPending();
  }

  // Told by the connection: the order is that of core.md 2.6.
  onReady() {
    this.#sendPending();
    for (const [queryId, query] of this.queries) this.#subscribe(queryId, query);
    // The stock client looks into its storage first, so its maps follow a little later.
    setImmediate(() => {
      for (const map of this.#allMaps()) this.#startSync(map);
    });
  }

  onMessage(message) {
    const {type, payload} = message;
    this.received[type] = (this.received[type] ?? 0) + 1;
    this.#learnTime(message.timestamp ?? (type.endsWith('SYNC_RESP_ROOT') ? payload.timestamp : undefined));
    switch (type) {
      case 'OP_ACK':
        for (const {achievedLevel} of [payload, ...payload.results ?? []]) this.levels.add(achievedLevel);
        return this.log.acknowledge(payload);
      case 'SERVER_EVENT':
        return this.#applyEvent(payload);
      case 'SERVER_BATCH_EVENT':
        return payload.events.forEach((event) => this.#applyEvent(event));
      case 'QUERY_RESP':
      case 'QUERY_UPDATE':
        return this.#applyRows(type, payload);
      case 'SYNC_RESET_REQUIRED':
        return this.#reset(payload.mapName);
      case 'GC_PRUNE':
        return this.#allMaps().forEach((map) => map.prune(payload.olderThan));
      case 'ERROR':
        this.errors.push(payload);
        return undefined;
      default:
        return this.#syncStep(message);
    }
  }

  #allMaps() {
    return [...this.maps.lww.values(), ...this.maps.or.values()];
  }

  #write(op) {
    const logged = this.log.append({...op, writeConcern: this.writeConcern});
    if (!this.collecting) this.#sendPending();
    return logged;
  }

  #sendPending() {
    const ops = this.log.ops();
    if (this.ready && ops.length > 0) this.connection.send({type: 'OP_BATCH', payload: {ops}});
  }

  #subscribe(queryId, {mapName, query}) {
    this.connection.send({type: 'QUERY_SUB', payload: {queryId, mapName, query}});
  }

  #startSync(map) {
    this.connection.send(firstMessage(map, this.lastSyncTimestamp));
  }

  #learnTime(timestamp) {
    if (typeof timestamp !== 'object' || timestamp === null) return;
    this.clock.receive(timestamp);
    this.lastSyncTimestamp = timestamp.millis;
  }

  #applyEvent({mapName, key, eventType, record, orRecord, orTag}) {
    const lww = this.maps.lww.get(mapName);
    if (lww && record && !lww.merge(key, record)) lww.adoptEcho(key, record);
    const or = this.maps.or.get(mapName);
    if (or && eventType === 'OR_ADD' && orRecord) or.apply(key, orRecord);
    if (or && eventType === 'OR_REMOVE' && orTag) or.applyTombstone(orTag);
  }

  #applyRows(type, {queryId, results, key, value, changeType}) {
    const query = this.queries.get(queryId);
    if (!query) return;
    if (type === 'QUERY_RESP') {
      query.rows = new Map(results.map((row) => [row.key, row.value]));
      query.settled = true;
    } else if (changeType === 'LEAVE') {
      query.rows.delete(key);
    } else {
      query.rows.set(key, value);
    }
  }

  #reset(mapName) {
    const map = this.maps.lww.get(mapName);
    if (!map) return;
    map.clear();
    this.connection.send(firstMessage(map, 0));
  }

  #syncStep(message) {
    const kind = message.type.startsWith('ORMAP_') ? 'or' : 'lww';
    const map = this.maps[kind].get(message.payload?.mapName);
    if (!map) return;
    if (message.payload.fullResync) {
      map.clear();
      this.log.dropOlder(map.name, message.payload.timestamp.millis);
    }
    for (const answer of answersTo(map, message)) this.connection.send(answer);
  }
}
