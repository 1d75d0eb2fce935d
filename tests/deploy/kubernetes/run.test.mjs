// The dev overlay, run by this machine instead of a cluster: the programs get the variables, arguments and
// files of their pods, Redis and PostgreSQL those of theirs; only addresses differ. Then the Job of
// dev-loadgen and the doctor run as they would there, and an outage of Redis restarts nobody.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {needKubectl} from './kustomize.mjs';

needKubectl();
const {Machine} = await import('./machine.mjs');
const {target} = await import('./targets.mjs');

const SERVICES = ['topgun-gateway', 'topgun-sync', 'topgun-storage'];

let machine;
before(async () => {
  machine = await Machine.create([...target('overlays/dev').objects, ...target('overlays/dev-loadgen').objects]);
  // The stores last: whatever order a cluster chooses is fine.
  for (const name of [...SERVICES, 'topgun-redis', 'topgun-postgres']) await machine.start(name);
});
after(() => machine?.stop());

test('every pod becomes ready, and none had to be restarted', {timeout: 120_000}, async () => {
  for (const name of SERVICES) await machine.untilReady(name);
  for (const name of SERVICES) assert.ok(machine.runs(name), machine.logOf(name));
});

test('the load generator finds everything it was told', {timeout: 120_000}, async () => {
  const {code, output} = await machine.run('topgun-loadgen');
  assert.equal(code, 0, output);
});

test('the doctor is content', {timeout: 60_000}, async () => {
  const {code, output} = await machine.run('topgun-doctor');
  assert.equal(code, 0, output);
  assert.match(output, /2 gRPC servers are SERVING/);
});

test('without Redis every service lives on, and gateways stay ready', {timeout: 60_000}, async () => {
  await machine.kill('topgun-redis');
  await machine.untilReady('topgun-storage', /degraded: Redis is away/);
  for (const name of SERVICES) assert.equal((await machine.probe(name, 'livenessProbe')).status, 200, name);
  assert.equal((await machine.probe('topgun-gateway', 'readinessProbe')).status, 200);
  for (const name of SERVICES) assert.ok(machine.runs(name), machine.logOf(name));
});
