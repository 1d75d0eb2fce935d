// Queries that filter, order, limit, project and group: their snapshots and what follows, over two gateways (features.md 1).
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Random} from '../support/random.mjs';

let nextId = 1;

// The rows of a query as an application has them on show.
class LiveRows {
  constructor(client, mapName, query, fields) {
    Object.assign(this, {client, mapName, query, fields, id: `q${nextId++}`});
    this.rows = new Map();
    this.changes = [];
    this.most = 0;  // rows at a time, behind the first answer
    client.onFrame((frame) => this.take(frame));
  }

  // Resolves with the payload of the answer.
  async start() {
    const answered = this.client.waitFor(({type, payload}) => type === 'QUERY_RESP' && payload.queryId === this.id, `the rows of ${JSON.stringify(this.query)}`);
    this.client.send({type: 'QUERY_SUB', payload: {queryId: this.id, mapName: this.mapName, query: this.query, ...(this.fields && {fields: this.fields})}});
    return (await answered).payload;
  }

  take({type, payload}) {
    if (payload?.queryId !== this.id) return;
    if (type === 'QUERY_RESP') {
      this.rows = new Map(payload.results.map(({key, value}) => [key, value]));
    } else if (type === 'QUERY_UPDATE') {
      this.changes.push(`${payload.changeType} ${payload.key}`);
      if (payload.changeType === 'LEAVE') {
        assert.equal(payload.value, null);
        this.rows.delete(payload.key);
      } else {
        this.rows.set(payload.key, payload.value);
      }
      this.most = Math.max(this.most, this.rows.size);
    }
  }

  keys() {
    return [...this.rows.keys()].sort().join(' ');
  }

  async shows(keys, what = keys) {
    await until(() => this.keys() === keys, `${this.keys()} to become ${what}`);
  }

  end() {
    this.client.unsubscribe(this.id);
  }
}

// A snapshot, as one-shot callers take it.
async function ask(client, mapName, query, fields) {
  const rows = new LiveRows(client, mapName, query, fields);
  const answer = await rows.start();
  rows.end();
  assert.equal('error' in answer || 'code' in answer || 'merkleRootHash' in answer, false, JSON.stringify(answer));
  return answer;
}

const keysOf = ({results}) => results.map(({key}) => key).join(' ');
const by = (field, direction = 'asc') => ({field, direction});
const compare = (op, attribute, value) => ({predicate: {op, attribute, value}});

async function write(client, mapName, records) {
  await client.write(...Object.entries(records).map(([key, value]) => value === null ? client.remove(mapName, key) : client.put(mapName, key, value)));
}

test('queries are answered and kept current on every gateway', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const writer = await new Client(first, {token: cluster.token}).connect();
  const reader = await new Client(second, {token: cluster.token}).connect();

  await t.test('snapshots: rows, filters, comparisons', async () => {
    const records = {p1: {name: 'Cheap', price: 10, stock: true}, p2: {name: 'Mid', price: 50, stock: false}, p3: {name: 'Dear', price: 90, stock: true}};
    await write(writer, 'products', records);
    const all = await ask(reader, 'products', {});
    assert.deepEqual(Object.fromEntries(all.results.map(({key, value}) => [key, value])), records);
    assert.equal(all.cursorStatus, 'none');
    assert.equal('hasMore' in all, false);
    assert.equal(keysOf(await ask(reader, 'products', {where: {stock: true}})), 'p1 p3');
    assert.equal(keysOf(await ask(reader, 'products', {where: {stock: true}, ...compare('gt', 'price', 10)})), 'p3', 'both');
    for (const [op, keys] of [['gt', 'p3'], ['gte', 'p2 p3'], ['lt', 'p1'], ['lte', 'p1 p2'], ['neq', 'p1 p3'], ['eq', 'p2']]) {
      assert.equal(keysOf(await ask(reader, 'products', compare(op, 'price', 50))), keys, op);
    }
    assert.equal(keysOf(await ask(reader, 'products', {...compare('in', '_key', ['p3', 'p1', 'px']), limit: 3})), 'p1 p3');
    assert.equal(keysOf(await ask(reader, 'no such map', {where: {a: 1}})), '');
  });

  await t.test('order, limit and pages', async () => {
    await write(writer, 'players', {a: {n: 3, team: 'x'}, b: {n: 1, team: 'y'}, c: {n: 2, team: 'x'}, d: {n: 2, team: 'y'}, e: {team: 'x'}});
    assert.equal(keysOf(await ask(reader, 'players', {sort: [by('n')]})), 'b c d a e', 'missing comes last');
    assert.equal(keysOf(await ask(reader, 'players', {sort: [by('n', 'desc')]})), 'a c d b e', 'also descending');
    assert.equal(keysOf(await ask(reader, 'players', {sort: [by('team'), by('n', 'desc')]})), 'a c e d b');
    const cut = await ask(reader, 'players', {limit: 3});
    assert.equal(keysOf(cut), 'a b c');
    assert.equal(cut.hasMore, true);
    const none = await ask(reader, 'players', {limit: 0});
    assert.deepEqual([keysOf(none), none.hasMore], ['', true]);

    for (const query of [{sort: [by('n', 'desc')]}, {}, {where: {team: 'x'}, sort: [by('n')]}]) {
      const whole = keysOf(await ask(reader, 'players', query)).split(' ');
      const pages = [];
      for (let page = await ask(reader, 'players', {...query, limit: 2}); ; page = await ask(reader, 'players', {...query, limit: 2, cursor: page.nextCursor})) {
        assert.equal(page.cursorStatus, pages.length === 0 ? 'none' : 'valid');
        assert.equal(page.results.length, Math.min(2, whole.length - pages.length));
        pages.push(...page.results.map(({key}) => key));
        assert.equal(page.hasMore === true, pages.length < whole.length);
        assert.equal('nextCursor' in page, pages.length < whole.length);
        if (!page.hasMore) break;
      }
      assert.deepEqual(pages, whole, JSON.stringify(query));
    }
    const {nextCursor} = await ask(reader, 'players', {sort: [by('n')], limit: 2});
    for (const query of [{sort: [by('team')], limit: 2, cursor: nextCursor}, {sort: [by('n')], limit: 2, cursor: '!'}]) {
      const answer = await ask(reader, 'players', query);
      assert.deepEqual([keysOf(answer), answer.cursorStatus], ['', 'invalid']);
    }
  });

  await t.test('only the fields asked for', async () => {
    await write(writer, 'people', {k1: {name: 'Ann', email: 'a@x', age: 5}, k2: {name: 'Bob', age: 3}});
    const live = new LiveRows(reader, 'people', {sort: [by('age')], fields: ['name', 'email']}, ['name', 'email']);
    const answer = await live.start();
    assert.deepEqual(answer.results, [{key: 'k2', value: {name: 'Bob'}}, {key: 'k1', value: {name: 'Ann', email: 'a@x'}}]);
    assert.equal('merkleRootHash' in answer, false);
    await write(writer, 'people', {k3: {age: 9, name: 'Cy', secret: true}});
    await live.shows('k1 k2 k3');
    assert.deepEqual(live.rows.get('k3'), {name: 'Cy'});
  });

  await t.test('groups', async () => {
    await write(writer, 'sales', {s1: {category: 'a', price: 10}, s2: {category: 'a', price: 25}, s3: {category: 'b', price: 50}});
    const byCategory = ({results}) => Object.fromEntries(results.map(({value}) => [value.category, value]));
    const answer = await ask(reader, 'sales', {groupBy: ['category'], aggregations: [{func: 'sum', field: 'price'}]});
    assert.equal(answer.results.length, 2);
    for (const {key, value} of answer.results) {
      assert.equal(value.__key, key);
      assert.deepEqual(Object.keys(value).sort(), ['__count', '__key', '__sum_price', 'category']);
    }
    const {a, b} = byCategory(answer);
    assert.deepEqual([a.__count, a.__sum_price, b.__count, b.__sum_price], [2, 35, 1, 50]);
    const counts = await ask(reader, 'sales', {groupBy: ['category']});
    assert.deepEqual(Object.keys(byCategory(counts).a).sort(), ['__count', '__key', 'category']);
    const best = await ask(reader, 'sales', {groupBy: ['category'], aggregations: [{func: 'sum', field: 'price'}], sort: [by('__sum_price', 'desc')], limit: 1});
    assert.deepEqual([best.results.length, best.results[0].value.category, best.hasMore], [1, 'b', true]);

    const live = new LiveRows(reader, 'sales', {groupBy: ['category']});
    await live.start();
    await write(writer, 'sales', {s3: null, s4: {category: 'c', price: 1}, s5: {category: 'a', price: 1}});
    const counted = () => [...live.rows.values()].map(({category, __count}) => `${category}${__count}`).sort().join(' ');
    await until(() => counted() === 'a3 c1', `${counted()} to become a3 c1`);
  });

  await t.test('ENTER, UPDATE, LEAVE: of two writers, for two queries of a connection', async () => {
    const other = await new Client(second, {token: cluster.token}).connect();
    const active = new LiveRows(reader, 'todos', {where: {status: 'active'}});
    const done = new LiveRows(reader, 'todos', {where: {status: 'done'}});
    await active.start();
    await done.start();
    await write(writer, 'todos', {k1: {status: 'active', n: 1}});
    await active.shows('k1');
    assert.deepEqual(active.rows.get('k1'), {status: 'active', n: 1});
    await write(other, 'todos', {k2: {status: 'active', n: 2}});
    await active.shows('k1 k2');
    await write(writer, 'todos', {k1: {status: 'active', n: 3}});
    await write(other, 'todos', {k2: {status: 'done', n: 2}});
    await write(writer, 'todos', {k1: null});
    await active.shows('');
    await done.shows('k2');
    assert.deepEqual(active.changes.filter((change) => change.endsWith('k1')), ['ENTER k1', 'UPDATE k1', 'LEAVE k1']);
    assert.deepEqual(active.changes.filter((change) => change.endsWith('k2')), ['ENTER k2', 'LEAVE k2']);
    assert.deepEqual(done.changes, ['ENTER k2']);
    // A write after the end reaches the query that goes on, and no other.
    active.end();
    await write(writer, 'todos', {k3: {status: 'active'}, k4: {status: 'done'}});
    await done.shows('k2 k4');
    assert.equal(active.changes.length, 5);
    await other.close();
  });

  await t.test('the writer hears of other keys only', async () => {
    const own = new LiveRows(writer, 'scores', {sort: [by('n')], limit: 2});
    const seen = new LiveRows(reader, 'scores', {sort: [by('n')], limit: 2});
    await write(writer, 'scores', {a: {n: 1}, b: {n: 2}, d: {n: 3}});
    assert.equal(keysOf(await own.start()), 'a b');
    assert.equal(keysOf(await seen.start()), 'a b');
    await write(writer, 'scores', {c: {n: 0}});
    await seen.shows('a c');
    await own.shows('a');
    assert.deepEqual(seen.changes, ['LEAVE b', 'ENTER c']);
    assert.deepEqual(own.changes, ['LEAVE b']);
    assert.equal(seen.most, 2);
    await write(writer, 'scores', {a: null, c: null});
    await seen.shows('b d');
    assert.equal(seen.most, 2, 'never more than the limit');
    assert.ok(!seen.changes.includes('UPDATE d'));
  });

  await t.test('one ENTER and one LEAVE of an unfiltered query, and nothing else', async () => {
    await write(writer, 'plain', Object.fromEntries(Array.from({length: 10}, (_, i) => [`k${i}`, {i}])));
    const live = new LiveRows(reader, 'plain', {});
    await live.start();
    await write(writer, 'plain', {fresh: {i: 10}});
    await write(writer, 'plain', {k3: null});
    await until(() => live.changes.length >= 2, 'both');
    assert.deepEqual(live.changes.sort(), ['ENTER fresh', 'LEAVE k3']);
  });

  await t.test('a row that expires makes room for the next one', async () => {
    const live = new LiveRows(reader, 'offers', {where: {open: true}, sort: [by('n')], limit: 1});
    await live.start();
    const op = writer.put('offers', 'short', {open: true, n: 1});
    op.record.ttlMs = 4000;
    await writer.write(op, writer.put('offers', 'lasting', {open: true, n: 2}));
    await until(() => live.changes.includes('ENTER short'), 'the row that expires');
    await live.shows('lasting');
    assert.deepEqual(live.changes.slice(-2), ['LEAVE short', 'ENTER lasting']);
  });

  await t.test('what is acknowledged is in the next snapshot, of the writer and of others', async () => {
    for (let i = 0; i < 20; i++) {
      await write(writer, 'ryw', {[`k${i}`]: {i}});
      const query = {...compare('gte', 'i', i), limit: 5};
      const [own, others] = await Promise.all([ask(writer, 'ryw', query), ask(reader, 'ryw', query)]);
      assert.deepEqual([keysOf(own), keysOf(others)], [`k${i}`, `k${i}`]);
    }
  });

  await t.test('a query that cannot be understood is answered, and the connection stays', async () => {
    const refused = reader.waitFor(({type}) => type === 'ERROR', 'ERROR');
    const broken = new LiveRows(reader, 'todos', {predicate: {attribute: 'n'}});
    const answer = await broken.start();
    assert.deepEqual([answer.results, answer.code], [[], 'INVALID_QUERY']);
    assert.equal((await refused).payload.code, 400);
    assert.equal(keysOf(await ask(reader, 'todos', compare('match', 'body', 'x'))), '', 'of the client alone');
  });
});

// What each kind of query selects of the records; the window's rows in their order.
const kinds = [
  {query: {where: {team: 'red'}}},
  {query: {predicate: {op: 'and', children: [{op: 'gte', attribute: 'n', value: 20}, {op: 'lt', attribute: 'n', value: 70}]}}},
  {query: {sort: [by('n')], limit: 5}},
  {query: {where: {team: 'red'}, sort: [by('n', 'desc')], limit: 3}},
  {query: {sort: [by('team'), by('n')], limit: 10}, fields: ['n']},
  {query: {groupBy: ['team'], aggregations: [{func: 'sum', field: 'n'}, {func: 'max', field: 'n'}]}},
];

test('live queries agree with snapshots, whoever dies in between', async (t) => {
  const cluster = await Cluster.start(t);
  const urls = await cluster.urls();
  const random = Random.of(t);
  const clients = [];
  for (const url of [...urls, ...urls]) clients.push(await new Client(url, {token: cluster.token}).connect());
  const [one, two, ...readers] = clients;
  const live = readers.flatMap((reader) => kinds.map(({query, fields}) => new LiveRows(reader, 'game', query, fields)));

  const change = (writer) => {
    const key = `k${random.int(60)}`;
    if (random.chance(0.25)) return writer.remove('game', key);
    return writer.put('game', key, {n: random.int(100), team: random.pick(['red', 'blue', 'green']), by: writer.nodeId});
  };
  const work = async (rounds) => {
    for (let i = 0; i < rounds; i++) {
      await Promise.all([one, two].map((writer) => writer.write(...Array.from({length: 1 + random.int(8)}, () => change(writer)))));
    }
  };
  const show = (rows) => JSON.stringify([...rows].sort(([a], [b]) => a < b ? -1 : 1));
  const agree = async (when) => {
    for (const rows of live) {
      const {results} = await ask(rows.client, 'game', rows.query, rows.fields);
      const expected = show(results.map(({key, value}) => [key, value]));
      await until(() => show(rows.rows) === expected, `${JSON.stringify(rows.query)} ${when}: ${show(rows.rows)} to become ${expected}`);
    }
  };

  await work(5);
  await Promise.all(live.map((rows) => rows.start()));
  await work(40);
  await agree('after many changes');

  for (const {name} of await cluster.processes('sync')) {
    await cluster.signal(name);
    await work(10);
    await agree(`after ${name} was killed`);
  }
  await Promise.all(live.slice(0, kinds.length).map((rows) => rows.start()));  // the same queries again, in the middle of it
  await work(10);
  await agree('at last');
  await Promise.all(clients.map((client) => client.close()));
});
