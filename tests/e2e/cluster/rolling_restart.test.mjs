// Every process of a cluster is restarted, one after the other, while clients write: nothing acknowledged is missing, and how long they had to wait.
import assert from 'node:assert/strict';
import test from 'node:test';

import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Loadgen} from '../support/loadgen.mjs';

const ackedOps = async (cluster) => await cluster.metric('gateway-0', /^gateway_acked_ops_total/) + await cluster.metric('gateway-1', /^gateway_acked_ops_total/);

// What the load generator that wrote meanwhile reports, and the processes that were restarted.
async function restartUnderLoad(t, cluster, names) {
  const before = await cluster.ps();
  const writers = await Loadgen.start(t, cluster, '--map-prefix', names.length ? 'stores' : 'services', '--map-type', 'mixed', '--connections', '20',
                                      '--subscribers', '4', '--batch', '5', '--inflight', '1', '--think', 'fixed:20ms', '--warmup', '0s',
                                      '--duration', '600s', '--drain', '60s', '--verify', 'acks');
  const earlier = await ackedOps(cluster);
  await until(async () => await ackedOps(cluster) > earlier, 'the first acks');
  const said = (await cluster.topgun('restart', ...names)).trim().split('\n');
  const restarted = said.map((line) => line.split(':')[0]);
  const after = await cluster.ps();
  for (const {name, pid, up} of after) {
    assert.equal(up, true, name);
    assert.equal(pid !== before.find((each) => each.name === name).pid, restarted.includes(name), `${name} was restarted, or not`);
  }
  for (const line of said) assert.match(line, /\(status 0\)/);
  const acked = await ackedOps(cluster);
  await until(async () => await ackedOps(cluster) > acked, 'acks from the restarted processes');
  const report = await writers.report('SIGINT');
  assert.equal(report.exit_code, 0, report.problems.join('\n'));
  assert.equal(report.verify.passed, true);
  assert.ok(report.verify.keys_checked > 0 && report.verify.tags_checked > 0);
  const ms = (us) => `${(us / 1000).toFixed(1)} ms`;
  const {ack} = report.latency;
  t.diagnostic(`${report.throughput.ops_acked} ops acked, none lost; p50 ${ms(ack.p50)}, p99 ${ms(ack.p99)}, max ${ms(ack.max)}`);
  said.forEach((line) => t.diagnostic(line));
  return {restarted, report};
}

test('a rolling restart under load', async (t) => {
  const cluster = await Cluster.start(t);

  await t.test('of all services', async (t) => {
    const {restarted, report} = await restartUnderLoad(t, cluster, []);
    assert.deepEqual(restarted, ['storage-0', 'storage-1', 'sync-0', 'sync-1', 'gateway-0', 'gateway-1']);
    assert.ok(report.trouble.reconnects > 0);
  });

  await t.test('of Redis and Postgres', async (t) => {
    const {restarted} = await restartUnderLoad(t, cluster, ['redis', 'postgres']);
    assert.deepEqual(restarted.sort(), ['postgres', 'redis']);
  });

  await t.test('of what is not there', async () => {
    await assert.rejects(cluster.topgun('restart', 'gateway-7'), /no process 'gateway-7'/);
  });
});
