// The same while a random sync or storage process is killed every second: nothing acknowledged is lost, every subscriber ends equal.
import assert from 'node:assert/strict';
import {setTimeout as sleep} from 'node:timers/promises';
import test from 'node:test';

import {Cluster} from '../support/cluster.mjs';
import {PATIENT_WITH_SUBSCRIBERS, runWorkload} from '../support/workload.mjs';

test('killing sync and storage processes loses nothing', async (t) => {
  const cluster = await Cluster.start(t, {env: PATIENT_WITH_SUBSCRIBERS});
  let kills = 0;
  const disturb = async (signal) => {
    while (!signal.aborted) {
      const victims = (await cluster.processes('sync', 'storage')).filter(({up}) => up);
      if (victims.length > 0) {
        await cluster.signal(victims[Math.floor(Math.random() * victims.length)].name);
        kills += 1;
      }
      await sleep(1000, undefined, {signal}).catch(() => {});
    }
  };
  await runWorkload(cluster, {connections: 50, ops: 100_000, disturb});
  assert.ok(kills >= 3, `only ${kills} kills`);
  t.diagnostic(`${kills} processes were killed`);
});
