// 100 000 operations from 50 connections over two gateways: Redis, Postgres and every subscriber agree with lib/crdt.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Cluster} from '../support/cluster.mjs';
import {PATIENT_WITH_SUBSCRIBERS, runWorkload} from '../support/workload.mjs';

test('everybody agrees with the merge computed by lib/crdt', async (t) => {
  const cluster = await Cluster.start(t, {env: PATIENT_WITH_SUBSCRIBERS});
  assert.equal(await runWorkload(cluster, {connections: 50, ops: 100_000}), 100_000);
});
