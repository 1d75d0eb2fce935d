// One trace from a client's WebSocket through all services to Postgres and to the subscriber at another gateway, as a collector gets it; and
// a cluster whose collector is away.
import assert from 'node:assert/strict';
import {createServer} from 'node:http';
import {test} from 'node:test';

import {Client, Replica, pack, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {readBucket} from '../support/merkle_walk.mjs';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const CALLER = 'b7ad6b7169203331';
const HTTP_CALLER = 'c8be7c8270314442';

// Takes OTLP over HTTP, encoded as JSON.
class Collector {
  spans = [];

  async start() {
    this.server = createServer(async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      if (request.url !== '/v1/traces' || request.headers['content-type'] !== 'application/json') {
        response.writeHead(400).end();
        return;
      }
      this.take(JSON.parse(Buffer.concat(chunks).toString('utf8')));
      response.writeHead(200, {'Content-Type': 'application/json'}).end('{}');
    });
    await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  take({resourceSpans}) {
    const plain = (attributes) => Object.fromEntries(attributes.map(({key, value}) => [key, Object.values(value)[0]]));
    for (const {resource, scopeSpans} of resourceSpans) {
      const {'service.name': service, 'service.instance.id': instance} = plain(resource.attributes);
      for (const span of scopeSpans.flatMap(({spans}) => spans)) {
        this.spans.push({...span, service, instance, attributes: plain(span.attributes)});
      }
    }
  }

  // The span of that name below the given one.
  async child(parent, name, service) {
    return until(() => this.spans.find((span) => span.traceId === TRACE && span.parentSpanId === parent && span.name === name &&
                                                 span.service === service), `${name} of ${service}`);
  }
}

test('traces of a cluster', async (t) => {
  const collector = await new Collector().start();
  t.after(() => collector.stop());
  const cluster = await Cluster.start(t, {gateways: 2, sync: 1, storage: 1, env: {TOPGUN_OTLP_ENDPOINT: collector.url}});
  const [first, second] = await cluster.urls();
  const headers = {traceparent: `00-${TRACE}-${CALLER}-01`, tracestate: 'vendor=1'};
  const writer = await new Client(first, {token: cluster.token, headers}).connect();
  const reader = await new Client(second, {token: cluster.token}).connect();
  let upgrade;

  await t.test('a write is one trace, from the upgrade to Postgres and to the subscriber', async () => {
    await new Replica(reader, 'todos').start();
    const heard = reader.waitFor((frame) => frame.type === 'SERVER_EVENT' && frame.payload.key === 'k', 'the event');
    await writer.write(writer.put('todos', 'k', 1));
    await heard;

    upgrade = await collector.child(CALLER, 'GET /ws', 'topgun-gateway');
    const frame = await collector.child(upgrade.spanId, 'OP_BATCH', 'topgun-gateway');
    const call = await collector.child(frame.spanId, 'topgun.sync.v1.Sync/Apply', 'topgun-gateway');
    await collector.child(frame.spanId, 'lane', 'topgun-gateway');
    const service = await collector.child(call.spanId, 'topgun.sync.v1.Sync/Apply', 'topgun-sync');
    await collector.child(service.spanId, 'queue', 'topgun-sync');
    await collector.child(service.spanId, 'merge', 'topgun-sync');
    const commit = await collector.child(service.spanId, 'commit to Redis', 'topgun-sync');
    const persist = await collector.child(commit.spanId, 'persist', 'topgun-storage');
    const flush = await collector.child(persist.spanId, 'flush', 'topgun-storage');
    const deliver = await collector.child(commit.spanId, 'deliver', 'topgun-gateway');

    assert.equal(frame.instance, upgrade.instance);
    assert.notEqual(deliver.instance, upgrade.instance, 'delivered by the other gateway');
    assert.deepEqual([call.kind, service.kind, commit.kind, persist.kind, deliver.kind], [3, 2, 3, 5, 5]);
    assert.equal(commit.attributes['db.system'], 'redis');
    assert.equal(flush.attributes['db.system'], 'postgresql');
    for (const span of [frame, service, commit, persist, deliver]) {
      assert.equal(span.traceState, 'vendor=1', span.name);
      assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano), span.name);
    }
  });

  await t.test('a query carries its trace in the metadata of its call', async () => {
    await writer.query('todos');
    const query = await collector.child(upgrade.spanId, 'QUERY_SUB', 'topgun-gateway');
    const call = await collector.child(query.spanId, 'topgun.sync.v1.Sync/ReadMap', 'topgun-gateway');
    await collector.child(call.spanId, 'topgun.sync.v1.Sync/ReadMap', 'topgun-sync');
    assert.equal(query.attributes['topgun.map'], 'todos');
  });

  await t.test('an HTTP request names its trace, and its write and its read are below it', async () => {
    const body = pack({
      clientId: 'http',
      clientHlc: writer.tick(),
      operations: [writer.put('todos', 'http', 1)],
      queries: [{queryId: 'q', mapName: 'todos', filter: {}}],
    });
    const http = new URL('/sync', first.replace(/^ws/, 'http'));
    const post = (traceparent) => fetch(http, {
      method: 'POST',
      headers: {'content-type': 'application/x-msgpack', authorization: `Bearer ${cluster.token}`, traceparent},
      body,
    });
    assert.equal((await post(`00-${TRACE}-${HTTP_CALLER}-00`)).status, 200);
    assert.equal((await post(`00-${TRACE}-${HTTP_CALLER}-01`)).status, 200);

    const request = await collector.child(HTTP_CALLER, 'POST /sync', 'topgun-gateway');
    const write = await collector.child(request.spanId, 'write', 'topgun-gateway');
    const apply = await collector.child(write.spanId, 'topgun.sync.v1.Sync/Apply', 'topgun-gateway');
    await collector.child(apply.spanId, 'topgun.sync.v1.Sync/Apply', 'topgun-sync');
    const read = await collector.child(request.spanId, 'topgun.sync.v1.Sync/ReadMap', 'topgun-gateway');
    await collector.child(read.spanId, 'topgun.sync.v1.Sync/ReadMap', 'topgun-sync');
    assert.equal(request.kind, 2);
    assert.equal(request.attributes['http.route'], '/sync');
    assert.equal(Number(request.attributes['http.response.status_code']), 200);
    const ofHttp = collector.spans.filter(({parentSpanId}) => parentSpanId === HTTP_CALLER);
    assert.equal(ofHttp.length, 1, 'the request without the sampled flag is not traced');
  });

  await t.test('a push of an OR map is traced until it is merged', async () => {
    const add = writer.orAdd('tags', 'a', 1);
    const entries = [{key: 'a', records: [add.orRecord], tombstones: ['never-added']}];
    writer.send({type: 'ORMAP_PUSH_DIFF', payload: {mapName: 'tags', entries}});
    await readBucket(writer, 'or', 'tags', '');  // waits for the push
    const push = await collector.child(upgrade.spanId, 'ORMAP_PUSH_DIFF', 'topgun-gateway');
    const write = await collector.child(push.spanId, 'write', 'topgun-gateway');
    const apply = await collector.child(write.spanId, 'topgun.sync.v1.Sync/Apply', 'topgun-gateway');
    await collector.child(apply.spanId, 'topgun.sync.v1.Sync/Apply', 'topgun-sync');
    const ask = await collector.child(push.spanId, 'topgun.sync.v1.Sync/ResolveTags', 'topgun-gateway');
    await collector.child(ask.spanId, 'topgun.sync.v1.Sync/ResolveTags', 'topgun-sync');
    assert.equal(push.attributes['topgun.map'], 'tags');
  });

  await t.test('nobody else is traced', () => {
    // An ERROR frame, as a loaded machine may cause one, has a span in any case.
    assert.deepEqual(collector.spans.filter(({traceId, name}) => traceId !== TRACE && name !== 'ERROR'), []);
  });

  await t.test('with the collector away, writes go on and its spans are dropped', async () => {
    collector.stop();
    for (let i = 0; i < 20; i++) {
      const ack = await writer.write(writer.put('todos', `away-${i}`, i));
      assert.equal(ack.achievedLevel, 'APPLIED');
    }
    await until(() => cluster.metric(upgrade.instance, /^tracing_export_failures_total/), 'a failed export');
    assert.equal(await cluster.metric(upgrade.instance, /^tracing_spans_exported_total/) > 0, true);
    const ack = await writer.write(writer.put('todos', 'still', 1));
    assert.equal(ack.achievedLevel, 'APPLIED');
  });
});
