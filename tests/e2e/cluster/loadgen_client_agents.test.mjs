// Clients of the load generator that do not write, shared out among two agents, against a real cluster: the report is that of all of them.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Cluster} from '../support/cluster.mjs';
import {Loadgen, startAgent} from '../support/loadgen.mjs';

test('clients of two agents', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 2, storage: 1});
  const agents = [await startAgent(t, cluster), await startAgent(t, cluster)];
  const addresses = agents.map(({address}) => address);
  const gateways = await cluster.processes('gateway');

  // The report of a run that ended well, `work` of which was shared by both agents.
  async function run(...options) {
    const pids = gateways.map(({name, pid}) => `${name}=${pid}`).join(',');
    const loadgen = await Loadgen.start(t, cluster, '--agents', addresses.join(','), '--pids', pids, ...options);
    const report = await loadgen.report();
    assert.equal(report.exit_code, 0, `${options.join(' ')}\n${report.problems.join('\n')}`);
    assert.deepEqual([report.trouble.errors, report.trouble.closes], [{}, 0]);
    assert.deepEqual(report.agents.map(({name}) => name), addresses);
    for (const {name, work} of report.agents) assert.ok(work > 0, `${name} did nothing`);
    const work = report.agents.reduce((sum, agent) => sum + agent.work, 0);
    return {...report, work};
  }

  await t.test('idle: the connections of both are held, and the memory of the gateways is counted', async () => {
    const report = await run('--scenario', 'idle', '--connections', '101', '--conn-rate', '200', '--duration', '7s');
    assert.deepEqual([report.fleet.connections, report.fleet.lost, report.work], [101, 0, 101]);
    assert.deepEqual(report.agents.map(({work}) => work), [51, 50]);
    assert.equal(report.latency.open.count, 101);
    assert.equal(report.latency.auth.count, 101);
    assert.ok(report.latency.pong.count >= 101, `${report.latency.pong.count} pongs`);
    for (const {name} of gateways) assert.ok(report.fleet.memory[name].held.rss_bytes > 1e6, name);
  });

  await t.test('connect-storm: every client of both is served', async () => {
    const report = await run('--scenario', 'connect-storm', '--connections', '10', '--duration', '2s');
    assert.ok(report.fleet.cycles >= 10, `${report.fleet.cycles} clients`);
    assert.deepEqual([report.fleet.cycles_failed, report.work], [0, report.fleet.cycles]);
    assert.equal(report.latency.answer.count, report.fleet.cycles);
  });

  for (const kind of ['lww', 'or']) {
    await t.test(`merkle-cold, ${kind}: each agent syncs a map of its own, and the syncs add up`, async () => {
      const report = await run('--scenario', 'merkle-cold', '--map-type', kind, '--keys', '2000', '--connections', '3', '--syncs', '2',
        '--map-prefix', `cold-${kind}`);
      const {merkle} = report;
      assert.deepEqual([merkle.passed, merkle.syncs, merkle.mismatches, merkle.unfinished, merkle.keys_missing], [true, 6, 0, 0, 0]);
      assert.deepEqual([merkle.keys, merkle.records_per_sync], [2000, 2000]);
      assert.equal(report.latency.sync.count, 6);
      assert.deepEqual(report.agents.map(({work}) => work), [4, 2]);
      for (const agent of [0, 1]) assert.match(merkle.map, new RegExp(`cold-${kind}-a${agent}-`));
    });
  }
});
