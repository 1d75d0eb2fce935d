// The load generator's clients that do not just write, against a real cluster: each scenario ends well, measures what it says, and a
// fault leads to what the server promises.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {fileURLToPath} from 'node:url';

import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const binary = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../build/release/bin/topgun-loadgen');
const IDLE_TIMEOUT_MS = 6000;

test('clients of the load generator', async (t) => {
  const env = {TOPGUN_IDLE_TIMEOUT: `${IDLE_TIMEOUT_MS}ms`, TOPGUN_PUSH_BYTES_MAX: '1048576'};
  const cluster = await Cluster.start(t, {gateways: 1, sync: 2, storage: 1, env});
  const urls = await cluster.urls();
  const [gateway] = await cluster.processes('gateway');

  async function loadgen(...options) {
    const json = path.join(cluster.dir, 'loadgen.json');
    const targets = urls.flatMap((url) => ['--url', url]);
    const run = await new Promise((resolve) => {
      execFile(binary, [...targets, '--token', cluster.token, '--quiet', '--json', json, '--pids', `gateway=${gateway.pid}`, ...options],
        (error, stdout, stderr) => resolve({code: error?.code ?? 0, stdout, stderr}));
    });
    // A busy machine may keep the generator or the cluster from the rate that was asked for: that is no error here.
    const late = options.includes('--rate') ? [1, 5] : [];
    assert.ok([0, ...late].includes(run.code), `${options.join(' ')}\n${run.stdout}${run.stderr}`);
    const report = JSON.parse(readFileSync(json, 'utf8'));
    assert.deepEqual([report.trouble?.errors ?? {}, report.trouble?.ops_refused ?? 0, report.trouble?.ops_unacked ?? 0], [{}, 0, 0]);
    return report;
  }
  async function closedAsSlow() {
    const text = await (await fetch(`http://127.0.0.1:${gateway.ports.admin}/metrics`)).text();
    return Number(text.match(/^gateway_closes_total\{[^}]*reason="slow_consumer"[^}]*\} (\d+)/m)?.[1] ?? 0);
  }
  const merkle = async (...options) => {
    const report = await loadgen('--keys', '4000', ...options);
    assert.equal(report.merkle.passed, true);
    return {...report.merkle, durations: report.latency.sync.count};
  };

  for (const kind of ['lww', 'or']) {
    await t.test(`${kind}: a client that is up to date needs one round trip`, async () => {
      const cost = await merkle('--scenario', 'merkle-current', '--map-type', kind, '--connections', '3', '--syncs', '4');
      assert.deepEqual([cost.syncs, cost.durations, cost.round_trips], [12, 12, 1]);
      assert.deepEqual([cost.frames_sent_per_sync, cost.frames_received_per_sync, cost.records_per_sync], [1, 1, 0]);
    });

    await t.test(`${kind}: a client that is behind fetches the leaves it needs`, async () => {
      const cost = await merkle('--scenario', 'merkle-delta', '--map-type', kind, '--behind', '20', '--syncs', '3');
      assert.deepEqual([cost.syncs, cost.round_trips, cost.behind], [3, 5, 20]);
      assert.ok(cost.records_per_sync >= 20 && cost.records_per_sync < 400, `${cost.records_per_sync} records`);
    });
  }

  await t.test('a client that has nothing fetches everything', async () => {
    const cost = await merkle('--scenario', 'merkle-cold', '--syncs', '2', '--connections', '2');
    assert.deepEqual([cost.syncs, cost.records_per_sync], [4, 4000]);
    assert.ok(cost.bytes_received_per_sync > 4000 * 200);
  });

  await t.test('idle connections live on, silent ones are closed, and their memory is counted', async () => {
    const report = await loadgen('--scenario', 'idle', '--connections', '100', '--half-open', '10%', '--duration', `${IDLE_TIMEOUT_MS + 3000}ms`);
    assert.deepEqual([report.fleet.lost, report.fleet.silent, report.fleet.silent_closed], [0, 10, 10]);
    assert.ok(report.latency.pong.count >= 90);
    assert.ok(report.fleet.memory.gateway.held.rss_bytes > 1e6);
  });

  await t.test('a storm of connections is served', async () => {
    const report = await loadgen('--scenario', 'connect-storm', '--connections', '10', '--duration', '1s');
    assert.ok(report.fleet.cycles >= 10, `${report.fleet.cycles} cycles`);
    assert.equal(report.latency.answer.count, report.fleet.cycles);
  });

  await t.test('clients that are away or cut off lose nothing', async () => {
    const report = await loadgen('--scenario', 'offline-rejoin', '--connections', '6', '--rate', '600', '--batch', '5', '--keys', '100',
      '--offline', '500ms/2s', '--disconnect-rate', '2', '--duration', '4s');
    assert.equal(report.verify.passed, true);
    assert.ok(report.trouble.broken_on_purpose >= 10 && report.trouble.reconnects >= 10, JSON.stringify(report.trouble));
    assert.ok(report.throughput.ops_acked > 0);
  });

  await t.test('a subscriber that stops reading is closed and does not hold up the other', async () => {
    const report = await loadgen('--map-type', 'or', '--maps', '2', '--connections', '4', '--rate', '2k', '--batch', '10', '--value-size', '4000',
      '--subscribers', '2', '--slow-reader', '50%', '--warmup', '0s', '--duration', '4s');
    assert.ok(report.throughput.events_received_per_s > 0);
    // The client would notice at its next PING but one; the gateway knows at once.
    await until(async () => await closedAsSlow() === 1, 'the gateway to close the slow one');
  });
});
