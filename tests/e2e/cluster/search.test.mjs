// Full-text search over two gateways (features.md 7): every MUST of 7.1, live searches, and what is searched stays right when a sync replica dies.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const articles = {
  'art-1': {title: 'Machine Learning Basics', body: 'Introduction to machine learning algorithms and models'},
  'art-2': {title: 'Web Development', body: 'Building modern web applications with TypeScript'},
  'art-3': {title: 'Database Design', body: 'Relational databases and normalization techniques'},
  'art-4': {title: 'Deep Learning', body: 'Neural networks and deep machine learning methods'},
};

let nextId = 1;

// The payload of the answer.
async function search(client, mapName, query, options) {
  const requestId = `search-${nextId++}`;
  const answered = client.waitFor(({type, payload}) => type === 'SEARCH_RESP' && payload.requestId === requestId, `SEARCH_RESP of ${query}`);
  client.send({type: 'SEARCH', payload: {requestId, mapName, query, ...(options && {options})}});
  const {payload} = await answered;
  assert.ok(!('error' in payload), payload.error);
  assert.equal(payload.totalCount, payload.results.length);
  for (const {key, value, score, matchedTerms} of payload.results) {
    assert.equal(typeof key, 'string');
    assert.equal(value, null);
    assert.ok(score > 0);
    assert.ok(Array.isArray(matchedTerms));
  }
  payload.results.reduce((before, {score}) => (assert.ok(score <= before), score), Infinity);
  return payload;
}

const keysOf = ({results}) => results.map(({key}) => key);

// A live search: its results as they are now, and every update so far.
class LiveSearch {
  constructor(client, mapName, query, options) {
    this.client = client;
    this.id = `live-${nextId++}`;
    this.hits = new Map();
    this.updates = [];
    this.answers = 0;
    client.onFrame(({type, payload}) => {
      if (type === 'SEARCH_RESP' && payload.requestId === this.id) {
        assert.ok(!('error' in payload), payload.error);
        this.hits = new Map(payload.results.map(({key, score}) => [key, score]));
        this.answers += 1;
      }
      if (type !== 'SEARCH_UPDATE' || payload.subscriptionId !== this.id) return;
      const {key, value, score, matchedTerms, changeType} = payload;
      assert.equal(value, null);
      this.updates.push(`${changeType} ${key}`);
      if (changeType === 'LEAVE') {
        assert.deepEqual([score, matchedTerms], [0, []]);
        this.hits.delete(key);
      } else {
        assert.ok(score > 0);
        this.hits.set(key, score);
      }
    });
    client.send({type: 'SEARCH_SUB', payload: {subscriptionId: this.id, mapName, query, ...(options && {options})}});
  }

  async start() {
    await until(() => this.answers > 0, 'the first results');
    return this;
  }

  end() {
    this.client.send({type: 'SEARCH_UNSUB', payload: {subscriptionId: this.id}});
  }
}

test('full-text search in a cluster of two gateways', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const writer = await new Client(first, {token: cluster.token}).connect();
  const reader = await new Client(second, {token: cluster.token}).connect();

  await t.test('a map that was never written has no hits', async () => {
    assert.deepEqual((await search(reader, 'never-written', 'anything')).results, []);
  });

  await t.test('hits come best first, from every shard', async () => {
    await writer.write(...Object.entries(articles).map(([key, article]) => writer.put('articles', key, article)));
    const {results} = await search(reader, 'articles', 'machine learning');
    assert.deepEqual(keysOf({results}), ['art-1', 'art-4']);
    for (const {matchedTerms} of results) assert.deepEqual(matchedTerms, ['machine', 'learning']);
    // The statistics are those of the whole map: the figures of one index (fts.json, without its fifth article).
    const again = await search(writer, 'articles', 'machine learning');
    assert.deepEqual(again.results, results, 'the same at every gateway');
    const [single] = (await search(reader, 'articles', 'databases')).results;
    const [n, dl, tokens] = [4, 7, 34];
    const expected = Math.log(1 + (n - 1 + 0.5) / 1.5) * 2.2 / (1 + 1.2 * (0.25 + 0.75 * dl / (tokens / n)));
    assert.ok(Math.abs(single.score / expected - 1) < 1e-9, `${single.score} is not ${expected}`);
  });

  await t.test('options', async () => {
    assert.equal((await search(reader, 'articles', 'machine learning', {limit: 1})).totalCount, 1);
    assert.ok((await search(reader, 'articles', 'and learning with', {limit: 2})).totalCount <= 2);
    assert.equal((await search(reader, 'articles', 'and learning with', {limit: 0})).totalCount, 4, 'the default');
    for (const {score} of (await search(reader, 'articles', 'machine', {minScore: 0.1})).results) assert.ok(score >= 0.1);
    assert.equal((await search(reader, 'articles', 'machine', {minScore: 100})).totalCount, 0);
    await search(reader, 'articles', 'machine', {boost: {title: 2}});
  });

  await t.test('the language of queries', async () => {
    const find = async (query) => keysOf(await search(reader, 'articles', query)).sort();
    assert.deepEqual(await find('+learning -deep'), ['art-1']);
    assert.deepEqual(await find('"deep machine"'), ['art-4']);
    assert.deepEqual(await find('(web OR database) AND NOT modern'), ['art-3']);
    assert.deepEqual(await find('title:machine'), []);
    assert.deepEqual(await find('"machine'), []);
  });

  await t.test('what is wrong with a search is told in its answer', async () => {
    const refuse = async (payload) => {
      const answered = reader.waitFor((f) => f.type === 'SEARCH_RESP' && f.payload.requestId === payload.requestId);
      reader.send({type: 'SEARCH', payload});
      return (await answered).payload.error;
    };
    assert.match(await refuse({requestId: 'e1', mapName: 'articles', query: 'x'.repeat(5000)}), /too long/);
    assert.match(await refuse({requestId: 'e2', mapName: 'articles', query: 'x', options: {limit: -1}}), /limit/);
    assert.match(await refuse({requestId: 'e3', mapName: 'articles', query: 'x '.repeat(300)}), /too many words/);
    assert.ok(await refuse({requestId: 'e4', mapName: '', query: 'x'}));
  });

  await t.test('a search sees the own writes before it, acknowledged or not, and those that others know of', async () => {
    for (let i = 0; i < 20; i++) {
      writer.send({type: 'OP_BATCH', payload: {ops: [writer.put('ryw', `own${i}`, {text: `mine${i}`})]}});
      assert.deepEqual(keysOf(await search(writer, 'ryw', `mine${i}`)), [`own${i}`]);
      await writer.write(writer.put('ryw', `other${i}`, {text: `yours${i}`}));
      assert.deepEqual(keysOf(await search(reader, 'ryw', `yours${i}`)), [`other${i}`]);
    }
  });

  await t.test('removed and expired records are no hits', async () => {
    const brief = writer.put('brief', 'expiring', {text: 'word'});
    brief.record.ttlMs = 60_000;
    brief.record.timestamp.millis -= 59_000;
    await writer.write(brief, writer.put('brief', 'removed', {text: 'word'}), writer.put('brief', 'kept', {text: 'word'}));
    const live = await new LiveSearch(reader, 'brief', 'word').start();
    await writer.write(writer.remove('brief', 'removed'));
    assert.ok(!keysOf(await search(reader, 'brief', 'word')).includes('removed'));
    await until(async () => keysOf(await search(reader, 'brief', 'word')).join() === 'kept', 'the record to expire');
    await until(() => [...live.hits.keys()].join() === 'kept', 'both to leave the live search');
    live.end();
  });

  await t.test('a live search is told what enters, changes and leaves', async () => {
    await writer.write(writer.put('live', 'before', {text: 'the word was there'}), writer.put('live', 'stranger', {text: 'something else'}));
    const live = await new LiveSearch(reader, 'live', 'word').start();
    assert.deepEqual([...live.hits.keys()], ['before']);
    assert.ok(live.hits.get('before') > 0);

    await writer.write(writer.put('live', 'after', {text: 'a word more'}));
    await until(() => live.updates.includes('ENTER after'), 'ENTER');
    const score = live.hits.get('after');
    await writer.write(writer.put('live', 'after', {text: 'word word word'}));
    await until(() => live.updates.includes('UPDATE after') && live.hits.get('after') !== score, 'UPDATE');
    const [best] = (await search(reader, 'live', 'word')).results;
    assert.deepEqual([best.key, best.score], ['after', live.hits.get('after')], 'the plain score');
    await writer.write(writer.put('live', 'after', {text: 'nothing of it'}));
    await until(() => live.updates.includes('LEAVE after'), 'LEAVE');
    await writer.write(writer.remove('live', 'before'));
    await until(() => live.updates.includes('LEAVE before'), 'LEAVE');
    assert.equal(live.hits.size, 0);
    live.end();
  });

  await t.test('the writer is told of its own writes', async () => {
    const live = await new LiveSearch(writer, 'mine', 'word', {minScore: 0.01}).start();
    await writer.write(writer.put('mine', 'k', {text: 'word'}));
    await until(() => live.updates.includes('ENTER k'), 'ENTER');
    live.end();
  });

  await t.test('an ended live search is silent, and its end is not acknowledged', async () => {
    const live = await new LiveSearch(reader, 'ended', 'word').start();
    const witness = await new LiveSearch(reader, 'ended', 'word').start();
    const before = reader.frames.length;
    live.end();
    await writer.write(writer.put('ended', 'k', {text: 'word'}));
    await until(() => witness.updates.includes('ENTER k'), 'ENTER for the other one');
    await writer.write(writer.put('ended', 'k', {text: 'word again'}));
    await until(() => witness.updates.includes('UPDATE k'), 'UPDATE for the other one');
    assert.deepEqual(live.updates, []);
    assert.ok(!reader.frames.slice(before).some(({type}) => type === 'OP_ACK'));
    witness.end();
  });

  await t.test('live searches at both gateways agree with a search when a sync replica dies', async () => {
    const lives = [await new LiveSearch(writer, 'fault', 'word').start(), await new LiveSearch(reader, 'fault', 'word').start()];
    const expected = new Set();
    const round = async (n) => {
      for (let i = 0; i < 40; i++) {
        const key = `k${i}`;
        const matches = (i + n) % 3 !== 0;
        await writer.write(writer.put('fault', key, {text: matches ? `word ${n}` : `other ${n}`}));
        if (matches) expected.add(key);
        else expected.delete(key);
      }
    };
    await round(0);
    const [victim] = await cluster.processes('sync');
    await cluster.signal(victim.name);
    await round(1);
    await round(2);
    for (const live of lives) {
      await until(() => live.hits.size === expected.size && [...expected].every((key) => live.hits.has(key)),
                  `the hits of a live search, which has ${live.hits.size} of ${expected.size}`, 60_000);
    }
    const {results} = await search(reader, 'fault', 'word', {limit: 1000});
    assert.deepEqual(new Set(results.map(({key}) => key)), expected);
    for (const live of lives) live.end();
  });

  await t.test('nothing of a client that has left remains', async () => {
    const guest = await new Client(second, {token: cluster.token}).connect();
    await new LiveSearch(guest, 'articles', 'machine').start();
    const held = async () => {
      let sum = 0;
      for (const {name} of await cluster.processes('gateway')) sum += await cluster.metric(name, /^gateway_live_searches /);
      return sum;
    };
    await until(async () => await held() === 1, 'one live search');
    await guest.close();
    await until(async () => await held() === 0, 'none');
  });
});
