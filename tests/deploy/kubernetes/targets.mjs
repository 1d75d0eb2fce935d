// What the checks look at: every overlay, and the combinations of components worth having besides.
import {parseAllDocuments} from 'yaml';

import {overlays, render, renderCombination, KUBERNETES} from './kustomize.mjs';

const IN_CLUSTER = ['redis-incluster', 'postgres-incluster'];
const MONITORING = '../../monitoring';

// In the order in which kustomizations list them: what extends network policies comes after these.
export const COMBINATIONS = [
  [...IN_CLUSTER, 'plaintext'],
  [...IN_CLUSTER, 'network-policies', 'plaintext', 'autoscaling', 'topgunctl', MONITORING],
  [...IN_CLUSTER, 'network-policies', 'topgunctl', 'plaintext', 'tls-cert-manager', 'load-balancer'],
  [...IN_CLUSTER, 'network-policies', 'plaintext', 'gateway-api', 'tracing'],
  [...IN_CLUSTER, 'network-policies', 'plaintext', 'ingress-nginx', 'loadgen-job', MONITORING],
  ['external-stores', 'tls-cert-manager'],
  ['network-policies', 'external-stores', 'redis-sentinel', 'tls-cert-manager', 'gateway-api', 'tracing'],
  ['network-policies', 'external-stores', 'redis-cluster', 'tls-cert-manager', 'load-balancer', 'autoscaling', MONITORING],
];

// [{name, yaml, objects}], rendered once per program.
let rendered;
export function targets() {
  rendered ??= [
    ...overlays().map((name) => [`overlays/${name}`, render(`${KUBERNETES}/overlays/${name}`)]),
    ...COMBINATIONS.map((names) => [names.join('+'), renderCombination(names)]),
  ].map(([name, yaml]) => ({name, yaml, objects: parse(yaml)}));
  return rendered;
}

export function target(name) {
  const found = targets().find((candidate) => candidate.name === name);
  if (!found) throw new Error(`no target ${name}`);
  return found;
}

// Kubernetes reads YAML 1.1, where 0440 is octal.
export function parse(yaml) {
  return parseAllDocuments(yaml, {version: '1.1'}).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  }).filter((object) => object !== null);
}
