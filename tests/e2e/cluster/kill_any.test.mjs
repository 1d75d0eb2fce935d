// Any process may be killed at any time. Clients work, leave and come back while gateways, sync and storage services and once Redis are killed;
// whatever was acknowledged as APPLIED is there in the end.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'node:test';

import {Actor, expectOutcome, outcomeOf} from '../support/actors.mjs';
import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Random} from '../support/random.mjs';

const KILLS = 30;

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

// Kills a random process every few hundred milliseconds; in the middle of it Redis. What each kill hit is returned.
async function killAnything(cluster, random) {
  const killed = {};
  const redisTurn = Math.floor(KILLS / 2);
  for (let n = 0; n < KILLS; n++) {
    if (n === redisTurn) {
      // Between the commits of its append-only file Redis may lose the last second, and that is all APPLIED promises (docs/architecture.md).
      // Here nothing may be missing, so it has to write before it answers, as who needs that would configure it.
      cluster.redis('CONFIG', 'SET', 'appendfsync', 'always');
      await cluster.signal('redis');
      killed.redis = 1;
    } else {
      const victims = (await cluster.processes('gateway', 'sync', 'storage')).filter(({up}) => up);
      if (victims.length > 0) {
        const {name, role} = random.pick(victims);
        await cluster.signal(name);
        killed[role] = (killed[role] ?? 0) + 1;
      }
    }
    await sleep(200 + random.int(300));
  }
  return killed;
}

const allUp = (cluster) => until(async () => (await cluster.ps()).every(({up}) => up), 'all processes to be up again', 60_000);

test('any process is killed while clients work', async (t) => {
  const cluster = await Cluster.start(t);
  const urls = await cluster.urls();
  const {token} = cluster;
  const random = Random.of(t);

  await t.test('everything acknowledged as APPLIED is there', async (t) => {
    const actors = Array.from({length: 6}, (_, i) => new Actor({token, random: random.fork(), name: `survivor-${i}`, watches: i % 3 !== 2}));
    t.after(() => actors.forEach(({client}) => client.offline()));
    const stop = new AbortController();
    t.after(() => stop.abort());
    const living = Promise.all(actors.map((actor) => live(actor, urls, stop.signal)));
    const killed = await killAnything(cluster, random.fork());
    stop.abort();
    await living;
    t.diagnostic(`killed: ${JSON.stringify(killed)}`);
    for (const role of ['gateway', 'sync', 'storage', 'redis']) assert.ok(killed[role] > 0, `no ${role} was killed`);
    await allUp(cluster);

    for (const {client} of actors) client.online(...urls);
    for (const actor of actors) await actor.acknowledged();
    for (const {client} of actors) client.offline();
    for (const [i, {client}] of actors.entries()) client.online(urls[i % urls.length]);
    const ops = actors.flatMap(({written}) => written);
    t.diagnostic(`${ops.length} writes`);
    await expectOutcome({urls, token, clients: actors.map(({client}) => client), outcome: outcomeOf(ops)});
  });
});
