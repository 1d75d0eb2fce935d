// Connections that end at the worst moment: in the middle of a frame, with acks on their way, with more to say than one gateway wanted to hear.
// The client sends again what was not acknowledged, mostly at the other gateway; nothing is lost, nothing counts twice.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Actor, expectOutcome, outcomeOf, rootsAt, rootsOf} from '../support/actors.mjs';
import {Client, pack, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Link} from '../support/link.mjs';
import {Random} from '../support/random.mjs';
import {TopGunClient} from '../support/topgun_client.mjs';

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const mapsOf = (name) => ({lww: [`${name}-notes`], or: [`${name}-tags`]});

function newActor(t, cluster, random, name) {
  const actor = new Actor({token: cluster.token, random, name, maps: mapsOf(name)});
  t.after(() => actor.client.offline());
  return actor;
}

const expectAll = (cluster, urls, actor, ops = actor.written) => expectOutcome(
    {urls, token: cluster.token, clients: [actor.client], outcome: outcomeOf(ops, actor.maps), maps: actor.maps});

test('connections that end at the worst moment', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const urls = [first, second];

  await t.test('cut in the middle of frames, upwards (2.8, 5.2)', async (t) => {
    const random = Random.of(t);
    const actor = newActor(t, cluster, random, 'cut-up');
    const {client} = actor;
    let link;
    for (let round = 0; round < 12; round++) {
      link = await Link.to(t, round % 2 ? first : second);
      client.online(link.url, round % 2 ? second : first);
      await actor.acknowledged();
      // The bytes of one OP_BATCH, without and with the header: the cut falls anywhere into it, at both ends too.
      const before = client.connection.traffic.sentBytes;
      link.cutAfter('up', random.pick([0, 1, 3, 7, random.int(4000), random.int(4000)]));
      client.together(() => {
        for (let i = 0; i < 20; i++) actor.act();
      });
      assert.ok(client.connection.traffic.sentBytes > before || client.state === 'OFFLINE');
      link.cut();
      await actor.acknowledged();
      client.offline();
    }
    client.online(first);
    await expectAll(cluster, urls, actor);
  });

  await t.test('cut in the middle of a Merkle walk, downwards (7.5, 7.6)', async (t) => {
    const random = Random.of(t);
    const maps = mapsOf('cut-down');
    const author = newActor(t, cluster, random, 'cut-down');
    author.client.together(() => {
      for (let i = 0; i < 400; i++) author.act();
    });
    author.client.online(first);
    await author.acknowledged();
    const roots = rootsOf(author.client, maps);
    const reader = new TopGunClient({token: cluster.token, nodeId: 'reader'});
    t.after(() => reader.offline());
    for (const kind of ['lww', 'or']) reader[kind](maps[kind][0]);
    for (let round = 0; round < 8; round++) {
      const link = await Link.to(t, first);
      link.cutAfter('down', 200 + random.int(6000));
      reader.online(link.url);
      await until(() => link.down || same(rootsOf(reader, maps), roots), 'the cut');
      reader.offline();
    }
    reader.online(second);
    await until(() => same(rootsOf(reader, maps), roots), 'the reader to have all');
    await expectAll(cluster, urls, author);
  });

  await t.test('acks lost: the other gateway takes everything again, and newer writes stay (5.2, 5.3)', async (t) => {
    const random = Random.of(t);
    const actor = newActor(t, cluster, random, 'acks-lost');
    const {client, maps} = actor;
    const link = await Link.to(t, first);
    client.online(link.url, second);
    await actor.acknowledged();
    link.swallowAnswers();
    for (let i = 0; i < 60; i++) actor.act();
    const [notes, tags] = [maps.lww[0], maps.or[0]];
    actor.note(client.put(notes, 'contested', 'older'));
    const add = client.orAdd(tags, 'contested', 'removed elsewhere');
    actor.note(add);
    await until(async () => same(await rootsAt(second, cluster.token, maps), rootsOf(client, maps)), 'the cluster to have everything', 60_000);
    assert.equal(client.log.pending.size, actor.written.length);

    const other = await new Client(second, {token: cluster.token}).connect();
    const later = [other.put(notes, 'contested', 'newer'), other.orRemove(tags, 'contested', add.orRecord.tag)];
    await other.write(...later);
    await other.close();
    link.cut();
    await actor.acknowledged();
    await expectAll(cluster, urls, actor, [...actor.written, ...later]);
  });

  await t.test('a backlog of several MiB, cut half way, goes out again in one frame (1.1, 5.2)', async (t) => {
    const actor = newActor(t, cluster, new Random(1), 'backlog');
    const {client, maps} = actor;
    for (let i = 0; i < 4000; i++) {
      const text = 'x'.repeat(600);
      if (i % 4 === 3) actor.note(client.orAdd(maps.or[0], `k${i % 500}`, `${i} ${text}`));
      else actor.note(client.put(maps.lww[0], `k${i}`, {i, text}));
    }
    const link = await Link.to(t, first);
    link.cutAfter('up', 1_500_000);
    client.online(link.url, second);
    await actor.acknowledged();
    assert.equal(link.down, true);
    await expectAll(cluster, urls, actor);
  });

  await t.test('BATCH: what arrived whole counts, the rest comes again at the other gateway (1.5)', async () => {
    const item = (message) => {
      const bytes = pack(message);
      const head = Buffer.alloc(4);
      head.writeUInt32BE(bytes.length);
      return Buffer.concat([head, bytes]);
    };
    const one = await new Client(first, {token: cluster.token}).connect();
    const frames = [1, 2, 3].map((n) => {
      const ops = Array.from({length: 5}, (_, i) => one.put('batch-notes', `k${n}-${i}`, n));
      ops.push(one.orAdd('batch-tags', `k${n}`, `v${n}`));
      return {type: 'OP_BATCH', payload: {ops}};
    });
    const lastIds = frames.map(({payload}) => payload.ops.at(-1).id);
    const ackOf = (client, id) => client.waitFor((f) => f.type === 'OP_ACK' && f.payload.lastId === id, `the ack of ${id}`);
    const data = Buffer.concat(frames.map(item));
    const early = Promise.all(lastIds.slice(0, 2).map((id) => ackOf(one, id)));
    one.send({type: 'BATCH', count: 3, data: data.subarray(0, data.length - 10)});  // the last item is cut short
    await early;
    const keysAt = async (client, id) => (await client.query('batch-notes', id)).map(({key}) => key).sort();
    assert.equal((await keysAt(one, 'first')).length, 10);
    await one.write(one.put('batch-notes', 'k1-0', 'newer'));
    one.socket.terminate();
    await one.closed;

    const two = await new Client(second, {token: cluster.token, nodeId: one.nodeId}).connect();
    const acks = Promise.all(lastIds.map((id) => ackOf(two, id)));
    two.send({type: 'BATCH', count: 3, data});
    for (const {payload} of await acks) assert.equal(payload.achievedLevel, 'APPLIED');
    const rows = new Map((await two.query('batch-notes', 'second')).map(({key, value}) => [key, value]));
    assert.equal(rows.size, 15);
    assert.equal(rows.get('k1-0'), 'newer');
    const written = [...frames.flatMap(({payload}) => payload.ops)];
    const maps = {lww: [], or: ['batch-tags']};
    const outcome = outcomeOf(written.filter(({orRecord}) => orRecord), maps);
    for (const url of urls) assert.deepEqual(await rootsAt(url, cluster.token, maps), rootsOf({maps: outcome}, maps));
    await two.close();
  });

  await t.test('a gateway drained in the middle of writes (2.8)', async (t) => {
    const random = Random.of(t);
    const maps = mapsOf('drained');
    const actors = [0, 1, 2, 3].map((i) => new Actor({token: cluster.token, random: random.fork(), name: `drained-${i}`, maps}));
    t.after(() => actors.forEach(({client}) => client.offline()));
    for (const [i, {client}] of actors.entries()) client.online(...(i % 2 ? [second, first] : [first, second]));
    await Promise.all(actors.map((actor) => actor.acknowledged()));
    const ofFirst = (await cluster.processes('gateway')).find(({ports}) => first.includes(`:${ports.ws}/`));
    let drained = false;
    const write = async (actor) => {
      // Some before, some while it drains, some after.
      for (let i = 0; i < 400 || !drained; i++) {
        actor.act();
        await new Promise((resolve) => setTimeout(resolve, 2));
        await until(() => actor.client.log.pending.size < 500, 'room for more');
      }
      await actor.acknowledged();
    };
    const writing = Promise.all(actors.map(write));
    await until(() => actors.every(({written, client}) => written.length - client.log.pending.size > 50), 'some acks');
    await cluster.signal(ofFirst.name, 'SIGTERM');
    await until(() => actors.every(({client}, i) => i % 2 || client.connection.closes.length > 0), 'the drained connections to end');
    drained = true;
    await writing;
    for (const [i, {client}] of actors.entries()) {
      if (i % 2 === 0) assert.equal(client.connection.closes[0], 1012, `the close code of ${client.nodeId}`);
    }
    const outcome = outcomeOf(actors.flatMap(({written}) => written), maps);
    await until(() => rootsAt(first, cluster.token, maps).then(() => true, () => false), 'the gateway to be back');
    await expectOutcome({urls, token: cluster.token, clients: actors.map(({client}) => client), outcome, maps});
  });
});

test('429 and revival: what was refused goes out again without a new write (2.9)', async (t) => {
  // A revived client sends its whole log, its queries and its SYNC_INITs: when the bucket has recovered they have to fit, because nothing makes a
  // client repeat a SYNC_INIT that was refused.
  const env = {TOPGUN_INFLIGHT_BYTES_MAX: '64KiB', TOPGUN_OPS_PER_SECOND: '1000', TOPGUN_OPS_BURST: '2500'};
  const cluster = await Cluster.start(t, {env});
  const urls = await cluster.urls();
  const refused = (client) => client.errors.filter(({code}) => code === 429).length;

  await t.test('too many ops at once', async (t) => {
    const actor = newActor(t, cluster, Random.of(t), 'too-many');
    const {client} = actor;
    client.online(urls[0]);
    await actor.acknowledged();
    for (let batch = 0; batch < 4; batch++) {
      client.together(() => {
        for (let i = 0; i < 400; i++) actor.act();
      });
    }
    await until(() => refused(client) > 0, 'the refusal');
    await actor.acknowledged();
    assert.deepEqual(client.connection.closes, []);
    await expectAll(cluster, urls, actor);
  });

  await t.test('Redis away until the gateways are full', async (t) => {
    const random = Random.of(t);
    const actors = urls.map((url, i) => {
      const actor = newActor(t, cluster, random.fork(), `full-${i}`);
      actor.client.online(url);
      return actor;
    });
    await Promise.all(actors.map((actor) => actor.acknowledged()));
    await cluster.signal('redis', 'SIGSTOP');
    for (const actor of actors) {
      const {client, maps} = actor;
      for (let i = 0; i < 60 && refused(client) === 0; i++) {
        actor.note(client.put(maps.lww[0], `k${i}`, 'x'.repeat(2000)), client.orAdd(maps.or[0], `k${i % 7}`, i));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await until(() => refused(client) > 0, 'the refusal');
    }
    await cluster.signal('redis', 'SIGCONT');
    for (const actor of actors) {
      await actor.acknowledged();
      assert.deepEqual(actor.client.connection.closes, []);
      await expectAll(cluster, urls, actor);
    }
  });
});
