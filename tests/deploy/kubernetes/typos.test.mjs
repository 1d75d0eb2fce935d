// No field that does not exist, in anything that is rendered.
import assert from 'node:assert/strict';
import test from 'node:test';

import {needKubectl} from './kustomize.mjs';

needKubectl();
const {checkTypos} = await import('./checks/typos.mjs');
const {target, targets} = await import('./targets.mjs');

const BROKEN = {
  'a misspelt probe': ['Deployment', (object) => {
    const container = object.spec.template.spec.containers[0];
    container.readinesProbe = container.readinessProbe;
  }, /Deployment\/topgun-gateway: .*'readinesProbe'.*'readinessProbe'/],
  'a field one level too high': ['Service', (object) => { object.spec.targetPort = 'ws'; }, /Service\/topgun-gateway: .*'targetPort'/],
  'a misspelt field of a custom resource': ['PodMonitor', (object) => { object.spec.podMetricsEndpoint = []; }, /PodMonitor\/topgun: .*'podMetricsEndpoint'/],
  'an API that is gone': ['PodDisruptionBudget', (object) => { object.apiVersion = 'policy/v1beta1'; }, /PodDisruptionBudget\/.*policy\/v1beta1/],
  'a text where a list belongs': ['NetworkPolicy', (object) => { object.spec.policyTypes = 'Ingress'; }, /NetworkPolicy\/.*/],
};

// Everything is compiled at once, the intact and the broken.
const sets = Object.fromEntries(targets().map(({name, objects}) => [name, objects]));
for (const [name, [kind, change]] of Object.entries(BROKEN)) {
  const object = structuredClone(target('overlays/production').objects.find((candidate) => candidate.kind === kind));
  change(object);
  sets[name] = [object];
}
const findings = checkTypos(sets);

for (const {name} of targets()) {
  test(`${name}: no unknown fields`, () => {
    assert.deepEqual(findings.filter((finding) => finding.startsWith(`${name}: `)), []);
  });
}

for (const [name, [, , expected]] of Object.entries(BROKEN)) {
  test(`caught: ${name}`, () => {
    const own = findings.filter((finding) => finding.startsWith(`${name}: `));
    assert.ok(own.some((finding) => expected.test(finding)), `found: ${own.join('\n') || 'nothing'}`);
  });
}

test('nothing else is wrong', () => {
  const known = Object.keys(sets);
  assert.deepEqual(findings.filter((finding) => !known.some((name) => finding.startsWith(`${name}: `))), []);
});
