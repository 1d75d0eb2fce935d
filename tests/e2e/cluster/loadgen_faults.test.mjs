// A real cluster under the load generator's faults: processes that a command kills, and frames that leave out of order.
import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';

import {Cluster} from '../support/cluster.mjs';
import {Loadgen} from '../support/loadgen.mjs';

test('faults on purpose', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 2, storage: 1});
  const run = async (...options) => (await Loadgen.start(t, cluster, ...options)).report();
  const writes = ['--connections', '6', '--batch', '5', '--maps', '2', '--map-type', 'mixed', '--keys', '100', '--remove-ratio', '0.2',
    '--verify', 'acks'];

  await t.test('a sync service that is killed again and again loses nothing', async () => {
    const [{pid}] = await cluster.processes('sync');
    // Whatever process has that name by then.
    const kill = `kill -9 $(awk '$2 == "sync-0" { print $3 }' ${path.join(cluster.dir, 'run/state.tsv')})`;
    const report = await run(...writes, '--rate', '300', '--warmup', '0s', '--duration', '8s', '--map-prefix', 'killed',
      '--kill-cmd', kill, '--kill-every', '3s');
    assert.equal(report.verify.passed, true, report.problems.join('\n'));
    assert.equal(report.trouble.ops_unacked, 0);
    assert.ok(report.kill_cmd.runs >= 1 && report.kill_cmd.failed < report.kill_cmd.runs, JSON.stringify(report.kill_cmd));
    assert.equal(report.series.reduce((sum, {kill_runs}) => sum + kill_runs, 0), report.kill_cmd.runs);
    assert.notEqual((await cluster.processes('sync'))[0].pid, pid);
  });

  await t.test('frames out of order are acknowledged, merged and all there', async () => {
    const report = await run(...writes, '--ops', '6000', '--map-prefix', 'reordered', '--reorder', '30%', '--disconnect-rate', '1');
    assert.equal(report.exit_code, 0, report.problems.join('\n'));
    assert.equal(report.throughput.ops_acked, 6000);
    assert.equal(report.verify.passed, true);
    assert.ok(report.trouble.reordered_on_purpose > 0, JSON.stringify(report.trouble));
  });
});
