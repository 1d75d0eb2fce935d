// The life cycles of core.md 2 to 7 from end to end: clients connect, park, authenticate, write, query, leave, write and remove while they are
// away, come back at another gateway and reconcile. In the end everybody and both gateways have the same roots, and what was removed stays
// removed.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Actor, MAPS, contentOf, expectOutcome, outcomeOf, rootsAt, rootsOf} from '../support/actors.mjs';
import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Random} from '../support/random.mjs';
import {TopGunClient} from '../support/topgun_client.mjs';

test('life cycles on two gateways', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const {token} = cluster;
  const maps = (name) => ({lww: [`${name}-notes`], or: [`${name}-tags`]});

  await t.test('one client, from the first connect to a reconciled return (2.1, 2.6, 5.3, 7.5, 7.6)', async () => {
    const names = maps('one');
    const [notes, tags] = [names.lww[0], names.or[0]];
    const client = new TopGunClient({nodeId: 'one'});
    t.after(() => client.offline());

    client.put(notes, 'before', 'written before there was a connection');
    client.online(first);
    await until(() => client.state === 'PARKED', 'the client to park');
    client.put(notes, 'parked', 'written while parked');
    client.orAdd(tags, 'k', 'parked');
    assert.equal(client.log.pending.size, 3);
    client.connection.setToken(token);
    await until(() => client.ready && client.log.pending.size === 0, 'the acks of what was written without a token');

    const query = client.watch(notes);
    client.watch(tags);
    await until(() => query.settled, 'the snapshot');
    assert.deepEqual([...query.rows.keys()].sort(), ['before', 'parked']);

    const other = new TopGunClient({token, nodeId: 'other'});
    t.after(() => other.offline());
    for (const map of [notes, tags]) other.watch(map);
    for (const [kind, [map]] of Object.entries(names)) other[kind](map);
    other.online(second);
    await until(() => contentOf(other.lww(notes)).parked && contentOf(other.or(tags)).k, 'the other client to have everything');
    other.put(notes, 'live', 1);
    other.remove(notes, 'before');
    await until(() => query.rows.get('live') === 1 && !query.rows.has('before'), 'the live query to follow');

    for (const [key, value] of [['kept', 'a'], ['gone here', 'b'], ['gone there', 'c']]) other.orAdd(tags, key, value), other.put(notes, key, value);
    await until(() => contentOf(client.or(tags))['gone there'] && contentOf(client.lww(notes))['gone there'], 'the client to have all of it');

    client.offline();
    client.remove(notes, 'gone here');
    client.orRemove(tags, 'gone here', 'b');
    client.put(notes, 'new here', 1);
    client.orAdd(tags, 'kept', 'from afar');
    other.remove(notes, 'gone there');
    other.orRemove(tags, 'gone there', 'c');
    other.put(notes, 'new there', 2);
    other.orAdd(tags, 'new there', 'd');
    await until(() => other.log.pending.size === 0, 'the acks of the other client');

    client.online(second);
    await until(() => client.ready && client.log.pending.size === 0, 'the acks after the return');
    for (const each of [client, other]) {
      const isDone = () => contentOf(each.lww(notes))['new here'] && contentOf(each.or(tags))['new there'] && contentOf(each.or(tags)).kept?.length === 2;
      await until(isDone, `${each.nodeId} to have what the other wrote`);
      await until(() => !('gone there' in contentOf(each.or(tags))), `${each.nodeId} to hear of the removal`);
      const left = {'kept': 'a', 'live': 1, 'new here': 1, 'new there': 2, 'parked': 'written while parked'};
      await until(() => same(contentOf(each.lww(notes)), left), `the notes of ${each.nodeId}`)
          .catch((error) => assert.deepEqual(contentOf(each.lww(notes)), left, error.message));
      assert.deepEqual(contentOf(each.or(tags)), {'k': ['"parked"'], 'kept': ['"a"', '"from afar"'], 'new there': ['"d"']});
      for (const url of [first, second]) assert.deepEqual(await rootsAt(url, token, names), rootsOf(each, names), `${each.nodeId}, ${url}`);
    }
  });

  await t.test('a client that was away does not bring back what was removed (7.6, 12.5)', async () => {
    const names = maps('stale');
    const [notes, tags] = [names.lww[0], names.or[0]];
    const stale = new TopGunClient({token, nodeId: 'stale'});
    const remover = new TopGunClient({token, nodeId: 'remover'});
    t.after(() => [stale, remover].forEach((client) => client.offline()));
    for (const key of ['x', 'y']) stale.put(notes, key, key), stale.orAdd(tags, key, key);
    stale.online(first);
    await until(() => stale.ready && stale.log.pending.size === 0, 'the first acks');
    stale.offline();

    remover.lww(notes);
    remover.or(tags);
    remover.online(second);
    await until(() => remover.lww(notes).visible().size === 2 && remover.or(tags).items.size === 2, 'the remover to sync');
    for (const key of ['x', 'y']) remover.remove(notes, key), remover.orRemove(tags, key, key);
    await until(() => remover.log.pending.size === 0, 'the acks of the removals');

    // Back with nothing to say: only the walk tells it. Then at the other gateway, where its records would be pushed again.
    for (const url of [second, first, second]) {
      stale.online(url);
      await until(() => stale.ready && stale.lww(notes).visible().size === 0 && stale.or(tags).items.size === 0, 'the removals to arrive');
      stale.offline();
    }
    for (const url of [first, second]) assert.deepEqual(await rootsAt(url, token, names), rootsOf(stale, names));
    const reader = await new Client(first, {token}).connect();
    assert.deepEqual(await reader.query(notes), []);
    await reader.close();
  });

  // Clocks up to a minute ahead keep their timestamps (core.md 5.4), so every write counts as its author stamped it.
  const crowds = [
    {name: 'clocks agree', skews: [0, 0, 0, 0, 0, 0]},
    {name: 'clocks differ', skews: [0, 30_000, -45_000, -3_600_000, 1500, 0]},
  ];
  for (const [n, {name, skews}] of crowds.entries()) {
    await t.test(`six clients at random, ${name} (2.8, 4, 7)`, async (t) => {
      const random = Random.of(t);
      const names = {lww: MAPS.lww.map((map) => `${map}-${n}`), or: MAPS.or.map((map) => `${map}-${n}`)};
      const actors = skews.map((skewMs, i) => new Actor(
          {token, random: random.fork(), name: `crowd-${n}-${i}`, skewMs, watches: i % 3 !== 2, maps: names}));
      t.after(() => actors.forEach(({client}) => client.offline()));

      const live = async (actor) => {
        const {random, client} = actor;
        for (let phase = 0; phase < 4; phase++) {
          // Everything done here is offline work; then some of it is done connected, at either gateway.
          for (let i = random.int(25); i > 0; i--) actor.act();
          client.online(random.pick([first, second]));
          await until(() => client.ready, `${actor.name} to connect`);
          for (let i = random.int(25); i > 0; i--) {
            actor.act();
            if (random.chance(0.3)) await new Promise((resolve) => setTimeout(resolve, random.int(15)));
          }
          if (random.chance(0.5)) await actor.acknowledged();  // else it leaves without having heard
          client.offline();
        }
      };
      await Promise.all(actors.map(live));

      // Whatever is left is delivered; then everybody comes back to a cluster that knows everything.
      await Promise.all(actors.map(async (actor, i) => {
        actor.client.online(i % 2 ? first : second);
        await actor.acknowledged();
        actor.client.offline();
      }));
      for (const [i, {client}] of actors.entries()) client.online(i % 2 ? second : first);
      const ops = actors.flatMap(({written}) => written);
      t.diagnostic(`${ops.length} writes`);
      await expectOutcome({urls: [first, second], token, clients: actors.map(({client}) => client), outcome: outcomeOf(ops, names), maps: names});
      for (const {client} of actors) assert.deepEqual(client.errors, []);
    });
  }

  await t.test('a clock an hour ahead: the cluster stamps its writes, and it learns those stamps (5.4, 4.1)', async () => {
    const names = maps('ahead');
    const [notes, tags] = [names.lww[0], names.or[0]];
    const hasty = new TopGunClient({token, nodeId: 'hasty', now: () => Date.now() + 3_600_000});
    const other = new TopGunClient({token, nodeId: 'punctual'});
    t.after(() => [hasty, other].forEach((client) => client.offline()));
    for (const client of [hasty, other]) for (const map of [notes, tags]) client.watch(map);
    for (const client of [hasty, other]) client.lww(notes), client.or(tags);

    hasty.put(notes, 'offline', 1);
    hasty.put(notes, 'offline removed', 1);
    hasty.remove(notes, 'offline removed');
    hasty.orAdd(tags, 'k', 'offline');
    for (const client of [hasty, other]) client.online(first);
    await until(() => hasty.ready && hasty.log.pending.size === 0 && other.ready, 'the acks of the hasty client');
    hasty.put(notes, 'online', 1);
    await until(() => hasty.log.pending.size === 0 && contentOf(other.lww(notes)).online === 1, 'the write that was made online');
    // What it wrote with a clock of the future does not outrank what others write now.
    other.put(notes, 'offline', 2);
    other.put(notes, 'online', 2);
    for (const client of [hasty, other]) {
      await until(() => same(contentOf(client.lww(notes)), {offline: 2, online: 2}), `${client.nodeId} to take the later writes`)
          .catch((error) => assert.deepEqual(contentOf(client.lww(notes)), {offline: 2, online: 2}, error.message));
    }
    for (const url of [first, second]) {
      const roots = await rootsAt(url, token, names);
      for (const client of [hasty, other]) await until(() => same(rootsOf(client, names), roots), `the roots of ${client.nodeId}`);
    }
  });
});

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
