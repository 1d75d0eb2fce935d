// Many connections writing LWW and OR maps over all gateways, subscribers on every map, and the comparison of everybody with the oracle.
//
// Writers behave like the stock client: they keep what is not acknowledged and send it again after a reconnect or a repeated AUTH_ACK.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';

import {Client, Replica, pack, unpack, until} from './client.mjs';
import {command, decodeCell, decodeOrField} from './redis.mjs';

const BATCH = 25;

// The subscribers share one thread with 50 writers; a gateway would rightly close them as slow consumers.
export const PATIENT_WITH_SUBSCRIBERS = {TOPGUN_PUSH_BYTES_MAX: '64MiB'};

class Writer {
  constructor(cluster, urls, index, maps, opCount) {
    Object.assign(this, {cluster, urls, index, maps, opCount});
    this.url = urls[index % urls.length];
    this.client = new Client(this.url, {token: cluster.token, nodeId: `writer-${index}`});
    this.unacked = [];
    this.sent = [];
    this.tags = [];
    this.errors = [];
    this.client.onFrame((frame) => this.receive(frame));
  }

  receive({type, payload}) {
    if (type === 'OP_ACK') {
      const last = Number(payload.lastId);
      const covered = new Set((payload.results ?? []).map(({opId}) => opId));
      this.unacked = this.unacked.filter((op) => Number(op.id) > last && !covered.has(op.id));
      for (const result of payload.results ?? []) if (!result.success) this.errors.push(result.error);
    } else if (type === 'AUTH_ACK' && this.unacked.length > 0) {
      this.client.send({type: 'OP_BATCH', payload: {ops: this.unacked}});
    }
  }

  makeOp() {
    const {client, maps} = this;
    const dice = Math.random();
    const key = `k${Math.floor(Math.random() * 200)}`;
    const pick = (names) => names[Math.floor(Math.random() * names.length)];
    if (dice < 0.55) return client.put(pick(maps.lww), key, {by: this.index, n: client.nextId, text: 'x'.repeat(50)});
    if (dice < 0.65) return client.remove(pick(maps.lww), key);
    if (dice < 0.9 || this.tags.length === 0) {
      const op = client.orAdd(pick(maps.or), key, `v${client.nextId}`);
      this.tags.push(op);
      return op;
    }
    const [victim] = this.tags.splice(Math.floor(Math.random() * this.tags.length), 1);
    return client.orRemove(victim.mapName, victim.key, victim.orRecord.tag);
  }

  async run() {
    await this.client.connect();
    this.keepConnected();
    while (this.sent.length < this.opCount) {
      const ops = Array.from({length: Math.min(BATCH, this.opCount - this.sent.length)}, () => this.makeOp());
      this.sent.push(...ops);
      this.unacked.push(...ops);
      this.client.send({type: 'OP_BATCH', payload: {ops}});
      await until(() => this.unacked.length < 4 * BATCH, `acks of writer ${this.index}`, 120_000);
    }
    await until(() => this.unacked.length === 0, `the last acks of writer ${this.index}`, 120_000);
    this.done = true;
    await this.client.close();
  }

  // Reconnects for as long as there is something to do; AUTH_ACK re-sends what is not acknowledged.
  keepConnected() {
    this.client.closed.then(async () => {
      while (!this.done) {
        try {
          await this.client.connect();
          return this.keepConnected();
        } catch {
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    });
  }
}

function oracle(writers) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.env.TOPGUN_MERGE_ORACLE, {stdio: ['pipe', 'pipe', 'inherit']});
    let out = '';
    child.on('error', reject);
    child.stdout.on('data', (chunk) => out += chunk);
    child.on('close', (code) => code === 0 ? resolve(JSON.parse(out)) : reject(new Error(`merge_oracle: ${code}`)));
    const kinds = {PUT: 'put', REMOVE: 'remove', OR_ADD: 'or_add', OR_REMOVE: 'or_remove'};
    for (const {mapName, key, opType, record, orRecord, orTag, timestamp} of writers.flatMap(({sent}) => sent)) {
      child.stdin.write(JSON.stringify({
        kind: kinds[opType], map: mapName, key, tag: orRecord?.tag ?? orTag, millis: timestamp.millis,
        counter: timestamp.counter, node: timestamp.nodeId, value: canonical((record ?? orRecord)?.value),
      }) + '\n');
    }
    child.stdin.end();
  });
}

// Values compare by content: maps with sorted keys, as text.
function canonical(value) {
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? '';
  if (Array.isArray(value)) return `[${value.map(canonical)}]`;
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`)}}`;
}

const lwwText = (rows) => Object.fromEntries([...rows].map(([key, value]) => [key, canonical(value)]).sort());
const orText = (tags) => Object.fromEntries([...tags].map(([tag, {key, value}]) => [tag, {key, value: canonical(value)}]).sort());
const sorted = (object) => Object.fromEntries(Object.entries(object).sort());

async function redisState(cluster, mapName, kind) {
  const out = new Map();
  for (const key of await command(cluster.redisSocket, 'KEYS', `*}:${kind}:${mapName}`)) {
    const pairs = await command(cluster.redisSocket, 'HGETALL', key);
    for (let i = 0; i < pairs.length; i += 2) {
      const cell = decodeCell(pairs[i + 1]);
      if (cell.tombstone) continue;
      const value = unpack(cell.value);
      if (kind === 'l') out.set(pairs[i].toString(), value);
      else {
        const {key: orKey, tag} = decodeOrField(pairs[i]);
        out.set(tag, {key: orKey, value});
      }
    }
  }
  return out;
}

function postgresState(cluster, mapName) {
  const rows = cluster.psql(`SELECT key, tag, value FROM topgun.records WHERE map = '${mapName}' AND NOT deleted`);
  return rows.map(([key, tag, value]) => ({key, tag, value: JSON.parse(value)}));
}

export async function runWorkload(cluster, {connections = 50, ops = 100_000, disturb} = {}) {
  const urls = await cluster.urls();
  const maps = {lww: ['lww-a', 'lww-b', 'lww:c'], or: ['or-a', 'or-b']};
  const replicas = [];
  for (const url of urls) {
    const client = await new Client(url, {token: cluster.token}).connect();
    client.onFrame(() => client.frames.length > 1000 && client.frames.splice(0, 900));
    for (const map of [...maps.lww, ...maps.or]) replicas.push(await new Replica(client, map).start());
  }
  const writers = Array.from({length: connections}, (_, i) => new Writer(cluster, urls, i, maps, Math.ceil(ops / connections)));
  const disturbance = new AbortController();
  const disturbing = disturb?.(disturbance.signal);
  try {
    await Promise.all(writers.map((writer) => writer.run()));
  } finally {
    disturbance.abort();
  }
  await disturbing;
  for (const writer of writers) assert.deepEqual(writer.errors, []);
  await compare(cluster, maps, replicas, await oracle(writers));
  await Promise.all(urls.map((_, i) => replicas[i * 5].client.close()));
  return writers.reduce((sum, writer) => sum + writer.sent.length, 0);
}

async function compare(cluster, maps, replicas, expected) {
  for (const {client} of replicas) assert.equal(client.closeCode, undefined, `the subscriber at ${client.url} was closed: ${client.closeReason}`);
  const same = (actual, wanted) => JSON.stringify(actual) === JSON.stringify(sorted(wanted));
  await cluster.persisted();
  for (const map of maps.lww) {
    const wanted = expected.lww[map];
    assert.deepEqual(lwwText(await redisState(cluster, map, 'l')), sorted(wanted), `Redis, ${map}`);
    assert.deepEqual(lwwText(postgresState(cluster, map).map(({key, value}) => [key, value])), sorted(wanted), `Postgres, ${map}`);
    for (const replica of replicas.filter(({mapName}) => mapName === map)) {
      await until(() => same(lwwText(replica.rows), wanted), `the subscriber of ${map} at ${replica.client.url}`)
          .catch((error) => { assert.deepEqual(lwwText(replica.rows), sorted(wanted), error.message); });
      assert.deepEqual(lwwText((await replica.client.query(map, `final-${map}`)).map(({key, value}) => [key, value])), sorted(wanted));
    }
  }
  for (const map of maps.or) {
    const wanted = expected.or[map];
    assert.deepEqual(orText(await redisState(cluster, map, 'o')), sorted(wanted), `Redis, ${map}`);
    assert.deepEqual(orText(postgresState(cluster, map).map(({key, tag, value}) => [tag, {key, value}])), sorted(wanted), `Postgres, ${map}`);
    for (const replica of replicas.filter(({mapName}) => mapName === map)) {
      await until(() => same(orText(replica.tags), wanted), `the subscriber of ${map} at ${replica.client.url}`)
          .catch((error) => { assert.deepEqual(orText(replica.tags), sorted(wanted), error.message); });
    }
  }
}
