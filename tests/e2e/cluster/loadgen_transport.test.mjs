// How the load generator's operations reach a real cluster: by HTTP instead of WebSocket frames, and through a bad network.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import {Cluster} from '../support/cluster.mjs';
import {Loadgen} from '../support/loadgen.mjs';

// Finished requests to a path, of all gateways.
async function requestsTo(cluster, route) {
  let sum = 0;
  for (const {name} of await cluster.processes('gateway')) {
    sum += await cluster.metric(name, new RegExp(`^gateway_http_requests_total\\{[^}]*"${route}"`));
  }
  return sum;
}

test('operations by POST /sync', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 2, storage: 1});
  const run = async (...options) => (await Loadgen.start(t, cluster, '--http-sync', ...options)).report();

  await t.test('a closed loop is acknowledged and verified', async () => {
    const report = await run('--connections', '8', '--batch', '20', '--ops', '8000', '--maps', '4', '--map-type', 'mixed', '--keys', '100',
      '--remove-ratio', '0.2', '--verify', 'acks', '--map-prefix', 'closed');
    assert.equal(report.exit_code, 0, report.problems.join('\n'));
    assert.equal(report.throughput.ops_acked, 8000);
    assert.equal(report.latency.ack.count, 8000);
    assert.deepEqual([report.trouble.errors, report.trouble.reconnects, report.trouble.ops_unacked], [{}, 0, 0]);
    assert.ok(report.verify.passed && report.verify.keys_checked > 0 && report.verify.tags_checked > 0);
    assert.equal(report.parameters.transport, 'POST /sync');
    // A first one per connection, and one for each batch.
    assert.equal(await requestsTo(cluster, '/sync'), 8 + 400);
  });

  await t.test('an open loop with connections that break loses nothing', async () => {
    const report = await run('--connections', '6', '--batch', '5', '--rate', '300', '--duration', '4s', '--warmup', '0s', '--keys', '100',
      '--disconnect-rate', '2', '--verify', 'acks', '--map-prefix', 'open');
    assert.equal(report.verify.passed, true, report.problems.join('\n'));
    assert.ok(report.trouble.broken_on_purpose > 0 && report.trouble.reconnects > 0, JSON.stringify(report.trouble));
    assert.equal(report.trouble.ops_unacked, 0);
  });
});

test('operations by POST /sync with TLS', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1, tls: true});
  const loadgen = await Loadgen.start(t, cluster, '--http-sync', '--tls-ca-file', path.join(cluster.dir, 'tls/ca.crt'), '--connections', '4',
    '--batch', '10', '--ops', '1000', '--keys', '100', '--verify', 'acks');
  const report = await loadgen.report();
  assert.equal(report.exit_code, 0, report.problems.join('\n'));
  assert.equal(report.verify.passed, true);
});

test('a bad network', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 2, storage: 1});
  const run = async (...options) => (await Loadgen.start(t, cluster, ...options)).report();
  const writes = ['--connections', '6', '--batch', '5', '--rate', '300', '--warmup', '0s', '--maps', '2', '--map-type', 'mixed', '--keys', '100',
    '--remove-ratio', '0.2', '--verify', 'acks'];

  for (const transport of ['frames', 'http']) {
    await t.test(`${transport}: nothing acknowledged is lost, and the report says what went wrong`, async () => {
      const report = await run(...writes, ...(transport === 'http' ? ['--http-sync'] : []), '--duration', '5s', '--map-prefix', transport,
        '--proxy-fault', 'latency:10ms,jitter:10ms', '--proxy-fault', 'cut:2/s,stall:300ms/2s,refuse:10%');
      assert.equal(report.verify.passed, true, report.problems.join('\n'));
      assert.ok(report.throughput.ops_acked > 0);
      assert.equal(report.trouble.ops_unacked, 0);
      assert.ok(report.trouble.reconnects > 0, JSON.stringify(report.trouble));
      const {proxy} = report;
      assert.ok(proxy.cut >= 5 && proxy.stalls >= 2, JSON.stringify(proxy));
      assert.ok(proxy.connections > 7 && proxy.bytes_up > 0 && proxy.bytes_down > 0, JSON.stringify(proxy));
      assert.equal(proxy.unreachable, 0);
      // In microseconds: there and back.
      assert.ok(report.latency.ack_uncorrected.p50 >= 20_000, JSON.stringify(report.latency.ack_uncorrected));
    });
  }

  await t.test('a narrow link bounds the rate, and the proxy its buffers', async () => {
    const report = await run('--connections', '2', '--batch', '100', '--inflight', '10', '--value-size', '1000', '--keys', '50', '--warmup', '0s',
      '--duration', '3s', '--map-prefix', 'narrow', '--proxy-fault', 'bandwidth:200kB/s');
    assert.equal(report.trouble.ops_unacked, 0, report.problems.join('\n'));
    assert.ok(report.throughput.ops_acked / report.seconds <= 2 * 200_000 / 1000, `${report.throughput.ops_acked} ops`);
    assert.ok(report.proxy.buffered_bytes_max <= 1 << 20);
  });
});
