// Clients that do random work on a few maps, what must come of all their writes, and the comparison of everybody with that.
import assert from 'node:assert/strict';

import {Client, until} from './client.mjs';
import {readRoot} from './merkle_walk.mjs';
import {Clock} from './topgun/clock.mjs';
import {LwwMap} from './topgun/lww_map.mjs';
import {OrMap} from './topgun/or_map.mjs';
import {TopGunClient} from './topgun_client.mjs';

export const MAPS = {lww: ['todos', 'profiles'], or: ['tags', 'members']};
const KEYS = 40;  // few, so that clients meet
const DAY_MS = 86_400_000;

export class Actor {
  // `skewMs`: how far the clock of the client's machine is off. `watches`: hears of changes while it is connected.
  constructor({token, random, name, skewMs = 0, watches = true, maps = MAPS}) {
    Object.assign(this, {random, name, skewMs, maps, written: []});
    this.client = new TopGunClient({token, nodeId: name, now: () => Date.now() + skewMs});
    for (const map of maps.lww) this.client.lww(map);
    for (const map of maps.or) this.client.or(map);
    if (watches) for (const map of [...maps.lww, ...maps.or]) this.client.watch(map);
  }

  // One random write. A removal is of something this client sees.
  act() {
    const {client, random, maps} = this;
    const key = `k${random.int(KEYS)}`;
    const ttlMs = random.chance(0.1) ? DAY_MS : undefined;  // hides nothing here, but is hashed and has to come back
    const dice = random.next();
    if (dice < 0.4) return this.note(client.put(random.pick(maps.lww), key, this.#value(), ttlMs));
    if (dice < 0.55) return this.note(client.remove(random.pick(maps.lww), key));
    const map = random.pick(maps.or);
    const held = [...client.or(map).items.keys()];
    if (dice < 0.8 || held.length === 0) return this.note(client.orAdd(map, key, random.pick(['red', 'green', 'blue', 7, null, true]), ttlMs));
    const victim = random.pick(held);
    return this.note(...client.orRemove(map, victim, client.or(map).recordsOf(victim)[0].value));
  }

  #value() {
    const {random} = this;
    return random.pick([random.int(1000), {by: this.name, n: this.written.length, nested: {list: [1, null, 'x']}}, 'a text', false]);
  }

  note(...ops) {
    this.written.push(...ops);
  }

  // Everything this client wrote has been acknowledged.
  async acknowledged() {
    await until(() => this.client.ready && this.client.log.pending.size === 0, `the acks of ${this.name}`, 120_000)
        .catch((error) => assert.fail(`${error.message}: ${this.client.state}, ${this.client.log.pending.size} pending, ` +
                                      JSON.stringify(this.client.errors.slice(-3))));
  }
}

// What the maps must hold once all of these ops are known everywhere: the newest write per key, and every added tag that nobody removed.
// Made by the client's rules alone; the order of the ops plays no role.
export function outcomeOf(ops, maps = MAPS) {
  const clock = new Clock('oracle');
  const outcome = {
    lww: new Map(maps.lww.map((name) => [name, new LwwMap(name, clock)])),
    or: new Map(maps.or.map((name) => [name, new OrMap(name, clock)])),
  };
  for (const {mapName, key, record, orRecord, orTag} of ops) {
    if (record) outcome.lww.get(mapName).merge(key, record);
    else if (orRecord) outcome.or.get(mapName).apply(key, orRecord);
    else outcome.or.get(mapName).applyTombstone(orTag);
  }
  return outcome;
}

// Keys and values as an application sees them; OR values sorted, because a map of tags has no order.
export function contentOf(map) {
  const visible = [...map.visible()].map(([key, value]) => [key, map.kind === 'or' ? value.map((each) => JSON.stringify(each)).sort() : value]);
  return Object.fromEntries(visible.filter(([, value]) => map.kind === 'lww' || value.length > 0).sort(([a], [b]) => a < b ? -1 : 1));
}

// The roots of all maps as one gateway tells them: "kind name" -> hash.
export async function rootsAt(url, token, maps = MAPS) {
  const client = await new Client(url, {token}).connect();
  try {
    const roots = {};
    for (const kind of ['lww', 'or']) {
      for (const map of maps[kind]) roots[`${kind} ${map}`] = (await readRoot(client, kind, map)).rootHash;
    }
    return roots;
  } finally {
    await client.close();
  }
}

export function rootsOf(client, maps = MAPS) {
  const roots = {};
  for (const kind of ['lww', 'or']) {
    for (const map of maps[kind]) roots[`${kind} ${map}`] = client.maps[kind].get(map).tree.root();
  }
  return roots;
}

// All clients and all gateways have the roots and the content of `outcome`. Clients go on syncing meanwhile.
export async function expectOutcome({urls, token, clients, outcome, maps = MAPS}) {
  const wanted = {maps: outcome};
  const roots = rootsOf(wanted, maps);
  for (const url of urls) assert.deepEqual(await rootsAt(url, token, maps), roots, `the roots at ${url}`);
  for (const client of clients) {
    await until(() => same(rootsOf(client, maps), roots), `the roots of ${client.nodeId}`)
        .catch((error) => assert.deepEqual(rootsOf(client, maps), roots, error.message));
    for (const kind of ['lww', 'or']) {
      for (const map of maps[kind]) {
        assert.deepEqual(contentOf(client.maps[kind].get(map)), contentOf(outcome[kind].get(map)), `${map} at ${client.nodeId}`);
      }
    }
  }
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
