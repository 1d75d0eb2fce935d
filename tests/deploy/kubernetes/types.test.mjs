// Types and required fields of everything that is rendered.
import assert from 'node:assert/strict';
import test from 'node:test';

import {needKubectl} from './kustomize.mjs';

needKubectl();
const {checkTypes} = await import('./checks/types.mjs');
const {target, targets} = await import('./targets.mjs');

for (const {name, objects} of targets()) {
  test(`${name}: types and required fields`, async () => assert.deepEqual(await checkTypes(objects), []));
}

// A changed copy of the production overlay, with what is found in it.
async function findings(kind, change) {
  const objects = structuredClone(target('overlays/production').objects);
  const object = objects.find((candidate) => candidate.kind === kind);
  assert.ok(object, kind);
  change(object);
  return (await checkTypes(objects)).join('\n');
}

const BROKEN = {
  'a port that is text': ['Service', (object) => { object.spec.ports[0].port = '8080'; }, /Service\/.*port/],
  'an autoscaler without maxReplicas': ['HorizontalPodAutoscaler', (object) => { delete object.spec.maxReplicas; }, /maxReplicas/],
  'a container without a name': ['Deployment', (object) => { delete object.spec.template.spec.containers[0].name; }, /name/],
  'a resource that is no quantity': ['Deployment', (object) => { object.spec.template.spec.containers[0].resources.limits = {cpu: true}; }, /cpu/],
  'a monitor with a port number': ['PodMonitor', (object) => { object.spec.podMetricsEndpoints[0].port = 9090; }, /PodMonitor\/topgun.*port/],
  'a certificate without a secret': ['Certificate', (object) => { delete object.spec.secretName; }, /secretName/],
  'a kind that does not exist': ['Deployment', (object) => { object.kind = 'Deploiment'; }, /nobody knows apps\/v1 Deploiment/],
};

for (const [name, [kind, change, expected]] of Object.entries(BROKEN)) {
  test(`caught: ${name}`, async () => assert.match(await findings(kind, change), expected));
}
