// Any process may be killed at any time. Clients work, leave and come back while gateways, sync and storage services and once Redis are killed;
// whatever was acknowledged as APPLIED is there in the end, and what was acknowledged as PERSISTED survives the loss of Redis as well.
import assert from 'node:assert/strict';
import {mkdirSync, rmSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'node:test';

import {Actor, expectOutcome, outcomeOf, rootsAt, rootsOf} from '../support/actors.mjs';
import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Random} from '../support/random.mjs';

// Works and wanders between the gateways until `signal` ends it.
async function live(actor, urls, signal) {
  const {client, random} = actor;
  while (!signal.aborted) {
    for (let i = random.int(15); i > 0; i--) actor.act();  // away
    client.online(...(random.chance(0.5) ? urls : [...urls].reverse()));
    for (let i = 10 + random.int(60); i > 0 && !signal.aborted; i--) {
      actor.act();
      await sleep(random.int(40));
      // The stock client pauses at 1000 unacknowledged writes.
      await until(() => signal.aborted || client.log.pending.size < 1000, 'room for more writes', 120_000);
    }
    client.offline();
  }
}

// Between the commits of its append-only file Redis may lose the last second, and that is all that APPLIED promises (docs/durability.md). Here
// nothing may be missing, so it has to write before it answers, as who needs that would configure it.
async function killRedis(cluster) {
  cluster.redis('CONFIG', 'SET', 'appendfsync', 'always');
  await cluster.signal('redis');
  return 'redis';
}

async function killService(cluster, random) {
  const victims = (await cluster.processes('gateway', 'sync', 'storage')).filter(({up}) => up);
  if (victims.length === 0) return undefined;
  const {name, role} = random.pick(victims);
  await cluster.signal(name);
  return role;
}

const allUp = (cluster) => until(async () => (await cluster.ps()).every(({up}) => up), 'all processes to be up again', 60_000);

// The actors work while a random process is killed every few hundred milliseconds, Redis in the middle of it; afterwards all they wrote is
// acknowledged. Returns how often each role was killed.
async function workUnderFire(t, cluster, actors, {random, kills, redisToo}) {
  const urls = await cluster.urls();
  const stop = new AbortController();
  t.after(() => {
    stop.abort();
    for (const {client} of actors) client.offline();
  });
  const living = Promise.all(actors.map((actor) => live(actor, urls, stop.signal)));
  const killed = {};
  for (let n = 0; n < kills; n++) {
    const role = redisToo && n === kills >> 1 ? await killRedis(cluster) : await killService(cluster, random);
    if (role) killed[role] = (killed[role] ?? 0) + 1;
    await sleep(200 + random.int(300));
  }
  stop.abort();
  await living;
  await allUp(cluster);
  for (const {client} of actors) client.online(...urls);
  for (const actor of actors) await actor.acknowledged();
  t.diagnostic(`${actors.reduce((sum, {written}) => sum + written.length, 0)} writes, killed: ${JSON.stringify(killed)}`);
  return killed;
}

test('any process is killed while clients work', async (t) => {
  const cluster = await Cluster.start(t);
  const urls = await cluster.urls();
  const {token} = cluster;
  const random = Random.of(t);

  await t.test('everything acknowledged as APPLIED is there', async (t) => {
    const actors = Array.from({length: 6}, (_, i) => new Actor({token, random: random.fork(), name: `survivor-${i}`, watches: i % 3 !== 2}));
    const killed = await workUnderFire(t, cluster, actors, {random: random.fork(), kills: 30, redisToo: true});
    for (const role of ['gateway', 'sync', 'storage', 'redis']) assert.ok(killed[role] > 0, `no ${role} was killed`);
    for (const {client} of actors) client.offline();
    for (const [i, {client}] of actors.entries()) client.online(urls[i % urls.length]);
    const outcome = outcomeOf(actors.flatMap(({written}) => written));
    await expectOutcome({urls, token, clients: actors.map(({client}) => client), outcome});
  });

  await t.test('everything acknowledged as PERSISTED is there after Redis has lost its files', async (t) => {
    const maps = {lww: ['ledger'], or: ['marks']};
    const actors = [0, 1, 2].map((i) => new Actor({token, random: random.fork(), name: `persistent-${i}`, maps}));
    for (const {client} of actors) client.writeConcern = 'PERSISTED';
    await workUnderFire(t, cluster, actors, {random: random.fork(), kills: 8, redisToo: false});
    for (const {client} of actors) {
      assert.deepEqual([...client.levels], ['PERSISTED']);
      client.offline();
    }
    // Nothing of Redis comes back: its files go before the process does.
    await cluster.signal('redis', 'SIGSTOP');
    const files = path.join(cluster.dir, 'redis');
    rmSync(files, {recursive: true});
    mkdirSync(files);
    await cluster.signal('redis');
    await allUp(cluster);
    const wanted = rootsOf({maps: outcomeOf(actors.flatMap(({written}) => written), maps)}, maps);
    for (const url of urls) assert.deepEqual(await rootsAt(url, token, maps), wanted, `the roots at ${url}`);
  });
});
