// A Redis Cluster of three primaries and three replicas: shards are spread over it, a primary dies, a slot moves, and nothing that was
// acknowledged as REPLICATED or PERSISTED is missing.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {read, write, writeOps} from '../support/levels.mjs';
import {RedisServers, persisted} from '../support/redis_servers.mjs';

const SHARDS = 6;
const BATCH = 60;  // keys of every shard among them
const SAFE = new Set(['REPLICATED', 'PERSISTED']);

// Writes one batch after another; `rows` is what was acknowledged.
class Load {
  constructor(client, mapName) {
    Object.assign(this, {client, mapName, rows: new Map(), batches: 0});
    this.ended = this.#run();
  }

  async #run() {
    while (!this.stopped) {
      const ops = Array.from({length: BATCH}, (_, i) => this.client.put(this.mapName, `k${i % 50}-${this.batches % 20}`, {n: this.batches, i}));
      const levels = await writeOps(this.client, ops, 'REPLICATED');
      for (const {id, key, record} of ops) {
        assert.ok(SAFE.has(levels.get(id)), `op ${id} was acknowledged as ${levels.get(id)}`);
        this.rows.set(key, record.value);
      }
      this.batches += 1;
    }
  }

  // So many batches that begin after this call have been acknowledged.
  async more(count) {
    const target = this.batches + count + 1;
    await Promise.race([this.ended, until(() => this.batches >= target, `batch ${target} of ${this.mapName}`, 60_000)]);
  }

  async stop() {
    this.stopped = true;
    await this.ended;
    return this.rows;
  }
}

async function expectEverywhere(cluster, mapName, rows) {
  for (const gateway of [0, 1]) assert.deepEqual(await read(cluster, mapName, gateway), rows, `${mapName} at gateway ${gateway}`);
}

const slotOf = async (node, key) => Number(await node.cli('CLUSTER', 'KEYSLOT', key));

// As `redis-cli --cluster reshard` does it, for one slot.
async function moveSlot(nodes, slot, from, to) {
  const idOf = (node) => node.cli('CLUSTER', 'MYID');
  await to.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', await idOf(from));
  await from.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', await idOf(to));
  for (;;) {
    const keys = (await from.cli('CLUSTER', 'GETKEYSINSLOT', String(slot), '10')).split('\n').filter(Boolean);
    if (keys.length === 0) break;
    const moved = await from.cli('MIGRATE', '127.0.0.1', String(to.port), '', '0', '10000', 'KEYS', ...keys);
    assert.match(moved, /^(OK|NOKEY)$/);
  }
  for (const node of [to, from, ...nodes.filter((each) => each !== to && each !== from)]) {
    if (await node.isPrimary()) assert.equal(await node.cli('CLUSTER', 'SETSLOT', String(slot), 'NODE', await idOf(to)), 'OK');
  }
}

test('Shards over a Redis Cluster whose primaries die and whose slots move', async (t) => {
  const nodes = await new RedisServers(t).startCluster(3);
  const cluster = await Cluster.start(t, {
    redis: `${nodes[0].address},${nodes[4].address}`, shards: SHARDS,
    env: {TOPGUN_REDIS_CLUSTER: 'true', TOPGUN_REDIS_REPLICAS: '1'},
  });
  const [one, other] = await Promise.all((await cluster.urls()).map((url) => new Client(url, {token: cluster.token}).connect()));
  const primaries = async () => {
    const are = await Promise.all(nodes.map((node) => node.isPrimary()));
    return nodes.filter((_, i) => are[i]);
  };
  const written = new Map();

  await t.test('every primary has shards, and every level is reached', async () => {
    for (const level of ['APPLIED', 'REPLICATED', 'PERSISTED']) written.set(level, await write(one, level, level));
    for (const primary of await primaries()) assert.equal((await primary.metas()).size, SHARDS / 3, `shards at ${primary.address}`);
    for (const [mapName, rows] of written) await expectEverywhere(cluster, mapName, rows);
  });

  await t.test('a slot moves under load', async () => {
    const loads = [new Load(one, 'moving'), new Load(other, 'also-moving')];
    await Promise.all(loads.map((load) => load.more(3)));
    const [from, to] = await primaries();
    const [meta] = [...(await from.metas()).keys()];
    await moveSlot(nodes, await slotOf(from, meta), from, to);
    await Promise.all(loads.map((load) => load.more(3)));
    assert.ok((await to.metas()).has(meta), 'the shard is where its slot is');
    for (const load of loads) {
      written.set(load.mapName, await load.stop());
      await expectEverywhere(cluster, load.mapName, load.rows);
    }
    const redirected = await Promise.all(['sync-0', 'sync-1'].map((name) => cluster.metric(name, /^sync_redis_redirects_total/)));
    assert.ok(redirected[0] + redirected[1] > 0, 'somebody was told that the slot is elsewhere');
  });

  await t.test('a primary dies and its replica takes over', async () => {
    const loads = [new Load(one, 'failover'), new Load(other, 'also-failover')];
    await Promise.all(loads.map((load) => load.more(3)));
    const [victim] = await primaries();
    await victim.kill();
    await Promise.all(loads.map((load) => load.more(3)));
    assert.equal((await primaries()).length, 3, 'a replica has been promoted');
    for (const load of loads) written.set(load.mapName, await load.stop());
    await victim.start();
    await until(async () => !(await victim.isPrimary()), 'the old primary to follow the new one');
    await persisted(await primaries(), SHARDS);
    for (const [mapName, rows] of written) {
      await expectEverywhere(cluster, mapName, rows);
      const [[count]] = cluster.psql(`SELECT count(*) FROM topgun.records WHERE map = '${mapName}' AND NOT deleted`);
      assert.equal(Number(count), rows.size, `${mapName} in Postgres`);
    }
  });

  await one.close();
  await other.close();
});
