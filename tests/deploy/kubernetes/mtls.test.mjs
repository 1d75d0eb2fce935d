// The dev overlay with tls-cert-manager, run by this machine as in run.test.mjs, with certificates as
// cert-manager would issue them: the services accept each other and the doctor, and nobody else.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {needKubectl, renderOn} from './kustomize.mjs';

needKubectl();
const {issue} = await import('./certificates.mjs');
const {Machine} = await import('./machine.mjs');
const {parse} = await import('./targets.mjs');

const SERVICES = ['topgun-gateway', 'topgun-sync', 'topgun-storage'];

let machine;
before(async () => {
  const objects = parse(renderOn('overlays/dev', ['tls-cert-manager'], {namespace: 'topgun-dev'}));
  // The doctor once more, with a certificate that is no client's of storage services.
  const stranger = structuredClone(objects.find((object) => object.metadata.name === 'topgun-doctor'));
  stranger.metadata.name = 'stranger';
  stranger.spec.jobTemplate.spec.template.spec.volumes[0].secret.secretName = 'topgun-gateway-tls';
  machine = await Machine.create([...objects, stranger, ...issue(objects)]);
  for (const name of [...SERVICES, 'topgun-redis', 'topgun-postgres']) await machine.start(name);
});
after(() => machine?.stop());

test('every pod becomes ready', {timeout: 120_000}, async () => {
  for (const name of SERVICES) await machine.untilReady(name);
});

test('the doctor is let in by sync and storage services', {timeout: 60_000}, async () => {
  const {code, output} = await machine.run('topgun-doctor');
  assert.equal(code, 0, output);
  assert.match(output, /2 gRPC servers are SERVING, 1 topgun\.storage\.v1\.Storage, 1 topgun\.sync\.v1\.Sync/);
});

test('with the certificate of another it is not', {timeout: 60_000}, async () => {
  const {code, output} = await machine.run('stranger');
  assert.equal(code, 1, output);
  assert.match(output, /storage \(127\.0\.0\.1:\d+\): .*--grpc-tls-peer-names/);
  assert.doesNotMatch(output, /sync \(127/);
});
