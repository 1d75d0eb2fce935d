// Topics over a cluster of two gateways and two sync replicas (features.md 2): who hears what, in what order, unchanged; what is refused; and what
// a killed replica costs.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const subscribe = (client, topic) => client.send({type: 'TOPIC_SUB', payload: {topic}});
const unsubscribe = (client, topic) => client.send({type: 'TOPIC_UNSUB', payload: {topic}});
const publish = (client, topic, data) => client.send({type: 'TOPIC_PUB', payload: {topic, data}});

const messages = (client, topic) => client.frames.filter(({type, payload}) => type === 'TOPIC_MESSAGE' && payload.topic === topic);
const isMark = (data) => typeof data === 'string' && data.startsWith('mark-');
// The data heard of a topic, but for the marks of this file.
const heard = (client, topic) => messages(client, topic).map(({payload}) => payload.data).filter((data) => !isMark(data));

let marks = 0;
const hears = (client, topic, mark) => messages(client, topic).some(({payload}) => payload.data === mark);

// Whatever `publisher` has published to the topic before has arrived, or will not.
async function settled(client, topic, publisher) {
  const mark = `mark-${++marks}`;
  publish(publisher, topic, mark);
  await until(() => hears(client, topic, mark), `a mark of ${topic}`);
}

// Subscribes; resolves once the cluster knows. Nothing acknowledges a subscription, so it asks until it hears.
async function listen(client, topic, publisher) {
  subscribe(client, topic);
  const mark = `mark-${++marks}`;
  await until(() => {
    publish(publisher, topic, mark);
    return hears(client, topic, mark);
  }, `the subscription of ${topic}`);
}

const refused = (client, code, message) =>
    client.waitFor(({type, payload}) => type === 'ERROR' && payload.code === code && payload.message === message, `ERROR ${code} ${message}`);

async function policy(url, token, fields) {
  const response = await fetch(`${url.replace(/^ws/, 'http').replace(/\/ws$/, '')}/api/admin/policies`, {
    method: 'POST', headers: {'authorization': `Bearer ${token}`, 'content-type': 'application/json'},
    body: JSON.stringify({effect: 'allow', ...fields})});
  assert.equal(response.status, 201, await response.text());
}

test('topics', async (t) => {
  const cluster = await Cluster.start(t, {storage: 1, env: {TOPGUN_ADMIN_SUBJECTS: 'root'}});
  const [first, second] = await cluster.urls();
  const token = async (...args) => (await cluster.topgun('token', ...args)).trim();
  const clients = [];
  const connect = async (url, sub = 'somebody') => {
    const client = await new Client(url, {token: await token('--sub', sub), nodeId: `${sub}-${clients.length}`}).connect();
    clients.push(client);
    return client;
  };
  const names = async (role) => (await cluster.processes(role)).map(({name}) => name);
  const metric = async (role, pattern) => {
    let sum = 0;
    for (const name of await names(role)) sum += await cluster.metric(name, pattern);
    return sum;
  };
  const publisher = await connect(first);

  await t.test('three subscribers of both gateways hear one publication, the publisher does not', async () => {
    const subscribers = [await connect(first), await connect(second), await connect(second)];
    for (const each of [...subscribers, publisher]) await listen(each, 'chat/room-1', each === publisher ? subscribers[0] : publisher);
    const before = Date.now();
    publish(publisher, 'chat/room-1', {text: 'hi'});
    for (const each of subscribers) {
      await until(() => heard(each, 'chat/room-1').length > 0, 'the message');
      const {payload} = messages(each, 'chat/room-1').find(({payload: {data}}) => !isMark(data));
      assert.deepEqual(payload.data, {text: 'hi'});
      assert.deepEqual(Object.keys(payload).sort(), ['data', 'timestamp', 'topic']);
      assert.ok(payload.timestamp >= before && payload.timestamp <= Date.now(), `${payload.timestamp}`);
    }
    await settled(publisher, 'chat/room-1', subscribers[1]);
    assert.deepEqual(heard(publisher, 'chat/room-1'), []);
    for (const each of subscribers) assert.equal(heard(each, 'chat/room-1').length, 1);
    assert.ok(!publisher.frames.some(({type}) => type === 'ERROR'));
  });

  await t.test('any data arrives unchanged', async () => {
    const reader = await connect(second);
    await listen(reader, 'data', publisher);
    const sent = ['text', '', 0, 42, -7, 2 ** 40, 1.5, true, false, null, [], {}, [1, 'two', 3.5, null], {nested: {list: [{deep: [true]}], n: null}},
                  {0: 1, 1: 2}, 'x'.repeat(400_000)];
    for (const data of sent) publish(publisher, 'data', data);
    publisher.send({type: 'TOPIC_PUB', payload: {topic: 'data'}});  // publish(undefined)
    await until(() => heard(reader, 'data').length > sent.length, 'all data');
    assert.deepEqual(heard(reader, 'data'), [...sent, null]);
  });

  await t.test('messages of a publisher arrive in order, and once however often somebody subscribes', async () => {
    const readers = [await connect(first), await connect(second)];
    for (const reader of readers) {
      subscribe(reader, 'order');
      await listen(reader, 'order', publisher);
    }
    const sent = Array.from({length: 500}, (_, i) => i);
    for (const i of sent) publish(publisher, 'order', i);
    for (const reader of readers) {
      await settled(reader, 'order', publisher);
      assert.deepEqual(heard(reader, 'order'), sent);
    }
  });

  await t.test('topics are apart, and unsubscribing ends them', async () => {
    const [reader, witness] = [await connect(second), await connect(second)];
    unsubscribe(reader, 'never/subscribed');
    for (const topic of ['a', 'a/b', 'A']) await listen(witness, topic, publisher);
    await listen(reader, 'a', publisher);
    for (const topic of ['a/b', 'A']) {
      publish(publisher, topic, 'elsewhere');
      await until(() => heard(witness, topic).length > 0, `${topic} to go round`);
    }
    await settled(reader, 'a', publisher);
    assert.deepEqual(reader.frames.filter(({type, payload}) => type === 'TOPIC_MESSAGE' && payload.topic !== 'a'), []);

    unsubscribe(reader, 'a');
    await listen(reader, 'fence', publisher);  // frames of a connection are handled in order
    publish(publisher, 'a', 'late');
    await until(() => heard(witness, 'a').includes('late'), 'it to go round');
    await settled(reader, 'fence', publisher);
    assert.deepEqual(heard(reader, 'a'), []);
  });

  await t.test('what is wrong is refused', async () => {
    const client = await connect(first);
    for (const topic of ['', 'a b', 'ä', 'a*', 'x'.repeat(257)]) {
      for (const act of [subscribe, publish]) {
        const answer = refused(client, 400, 'Invalid topic name');
        act(client, topic, 1);
        await answer;
      }
    }
    const large = refused(client, 413, 'data: 600005 bytes exceed the maximum of 523264 bytes');
    publish(client, 'large', 'x'.repeat(600_000));
    await large;
    const reserved = refused(client, 403, 'Access Denied for topic _topgun_policies');
    subscribe(client, '_topgun_policies');
    await reserved;
    const full = refused(client, 400, 'Subscription limit reached');
    for (let i = 0; i < 100; i++) subscribe(client, `topic-${i}`);
    await full;
  });

  await t.test('whoever leaves is forgotten', async () => {
    const client = await connect(second);
    const subscriptions = () => metric('gateway', /^gateway_topic_subscriptions/);
    const before = await subscriptions();
    await listen(client, 'gone', publisher);
    assert.equal(await subscriptions(), before + 1);
    await client.close();
    await until(async () => await subscriptions() === before, 'the subscription to end');
    const topics = await metric('gateway', /^gateway_topics/);
    await until(async () => await metric('sync', /^sync_topic_subscriptions/) === 2 * topics, 'both replicas to know');
  });

  await t.test('who does not read loses messages, and nothing else', async () => {
    const slow = await connect(second);
    await listen(slow, 'flood', publisher);
    slow.socket.pause();
    const lost = () => metric('gateway', /^gateway_topic_messages_lost_total/);
    const filling = 'x'.repeat(200_000);
    let sent = 0;
    await until(async () => {
      for (let i = 0; i < 10; i++) publish(publisher, 'flood', [sent++, filling]);
      return await lost() > 0;
    }, 'messages to be lost');
    slow.socket.resume();
    // Marks may be lost as well, while it catches up.
    const mark = `mark-${++marks}`;
    await until(() => {
      publish(publisher, 'flood', mark);
      return hears(slow, 'flood', mark);
    }, 'the end of the flood');
    const numbers = heard(slow, 'flood').map(([number]) => number);
    assert.ok(numbers.length > 0 && numbers.length < sent, `${numbers.length} of ${sent}`);
    assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
    assert.equal(slow.closeCode, undefined);
  });

  await t.test('another replica carries on when the one of a topic is killed, and the one that comes back takes over', async () => {
    const readers = [await connect(first), await connect(second)];
    for (const reader of readers) await listen(reader, 'carried', publisher);
    const counts = async () => {
      const all = {};
      for (const name of await names('sync')) all[name] = await cluster.metric(name, /^sync_publications_total/);
      return all;
    };
    await until(async () => await metric('gateway', /^gateway_publications_total/) === await metric('sync', /^sync_publications_total/),
                'everything published before to arrive');
    const before = await counts();
    for (const reader of readers) await settled(reader, 'carried', publisher);
    const after = await counts();
    const carriers = Object.keys(after).filter((name) => after[name] > before[name]);
    assert.equal(carriers.length, 1, `one replica carries a topic: ${JSON.stringify({before, after})}`);
    const [carrier] = carriers;
    const [{pid}] = (await cluster.ps()).filter(({name}) => name === carrier);

    await cluster.signal(carrier);
    let sent = 0;
    const goesOn = async (what) => {
      const from = sent;
      await until(() => {
        publish(publisher, 'carried', sent++);
        return readers.every((reader) => heard(reader, 'carried').some((number) => number >= from));
      }, what);
    };
    await goesOn('messages after the death of a replica');
    await until(async () => (await cluster.ps()).some(({name, up, pid: now}) => name === carrier && up && now !== pid), 'the replica to be back');
    await until(async () => {
      publish(publisher, 'carried', sent++);
      return await cluster.metric(carrier, /^sync_publications_total/).catch(() => 0) > 0;
    }, 'the replica to carry the topic again', 60_000);
    await goesOn('messages through the replica that came back');
    for (const reader of readers) {
      const numbers = heard(reader, 'carried');
      assert.equal(new Set(numbers).size, numbers.length, 'at most once');
    }
  });

  // Last: the cluster stays closed from here on.
  await t.test('policies: publishing is a write, subscribing a read, and a change ends what is under way', async () => {
    const [root, witness] = [await connect(first, 'root'), await connect(second, 'root')];
    const [alice, bob] = [await connect(second, 'alice'), await connect(first, 'bob')];
    const adminToken = await token('--sub', 'operator', '--roles', 'admin');
    for (const topic of ['news', 'quiet']) await listen(alice, topic, root);
    await listen(witness, 'quiet', root);

    const ended = refused(alice, 403, 'Access Denied for topic quiet');
    await policy(first, adminToken, {mapPattern: 'news', action: 'all'});
    await ended;
    publish(root, 'quiet', 'secret');
    await until(() => heard(witness, 'quiet').length > 0, 'it to go round');
    await settled(alice, 'news', root);
    assert.deepEqual(heard(alice, 'quiet'), []);

    // Bob's gateway may hear of the policy a little later.
    await until(() => {
      publish(bob, 'quiet', 'mark-not-allowed');
      return bob.frames.some(({type, payload}) => type === 'ERROR' && payload.message === 'Access Denied for topic quiet' && payload.code === 403);
    }, 'bob to be refused');
    await settled(alice, 'news', bob);
    const denied = refused(bob, 403, 'Access Denied for topic quiet');
    subscribe(bob, 'quiet');
    await denied;

    await policy(second, adminToken, {mapPattern: 'quiet', action: 'read'});
    await until(() => {
      publish(root, 'quiet', 'open');
      return heard(alice, 'quiet').includes('open') && heard(bob, 'quiet').includes('open');
    }, 'the topic to come back');
    assert.ok(!heard(alice, 'quiet').includes('secret'));
    const still = refused(alice, 403, 'Access Denied for topic quiet');
    publish(alice, 'quiet', 'may not');
    await still;
  });

  await Promise.all(clients.map((client) => client.close()));
});
