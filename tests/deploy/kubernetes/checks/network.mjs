// Network policies: nothing is open by default, every edge the cluster has is open, and every port that a
// policy names exists where it points.
import {idOf, ofKind, podsOf, portsOf, selects} from '../objects.mjs';

export const NAME = 'app.kubernetes.io/name';

// Who must reach whom, when both are there.
export const EDGES = [
  ['topgun-gateway', 'topgun-sync', 'grpc'],
  ['topgun-sync', 'topgun-storage', 'grpc'],
  ['topgun-sync', 'topgun-redis', 'redis'],
  ['topgun-storage', 'topgun-redis', 'redis'],
  ['topgun-storage', 'topgun-postgres', 'postgres'],
  ['topgun-loadgen', 'topgun-gateway', 'ws'],
  ['topgunctl', 'topgun-gateway', 'admin'],
  ['topgunctl', 'topgun-sync', 'admin'],
  ['topgunctl', 'topgun-storage', 'admin'],
  ['topgunctl', 'topgun-sync', 'grpc'],
  ['topgunctl', 'topgun-storage', 'grpc'],
];
// Who must reach a store that is elsewhere.
const OUTSIDE = [
  ['topgun-sync', 'topgun-redis', 6379],
  ['topgun-storage', 'topgun-redis', 6379],
  ['topgun-storage', 'topgun-postgres', 5432],
];
// Who serves metrics on its admin port.
const MONITORED = ['topgun-gateway', 'topgun-sync', 'topgun-storage'];
const MONITORING_NAMESPACE = {'kubernetes.io/metadata.name': 'monitoring'};

// `present`: objects of another kustomization that these are applied beside.
export function checkNetwork(objects, {present = []} = {}) {
  const all = [...objects, ...present];
  const policies = ofKind(all, 'NetworkPolicy');
  if (policies.length === 0) return [];
  const findings = [];
  const pods = podsOf(all);
  for (const policy of ofKind(objects, 'NetworkPolicy')) ports(policy, pods, findings);
  const network = new Network(pods, policies);
  denied(network, findings);
  edges(network, findings);
  return findings;
}

class Network {
  constructor(pods, policies) {
    this.pods = pods;
    this.policies = policies;
  }

  pod(name) {
    return this.pods.find((pod) => pod.labels[NAME] === name);
  }

  // The rules of a direction ('ingress' or 'egress') for a pod; undefined: it is not isolated.
  rules(pod, direction) {
    const type = direction === 'ingress' ? 'Ingress' : 'Egress';
    const isolating = this.policies.filter((policy) =>
      policy.spec.policyTypes.includes(type) && selects(policy.spec.podSelector, pod.labels));
    if (isolating.length === 0) return undefined;
    return isolating.flatMap((policy) => policy.spec[direction] ?? []);
  }

  // `peer` is {labels}, {namespace: labels}, or {outside: true}; `port` a number.
  allows(pod, direction, peer, port, protocol, peerPorts) {
    const rules = this.rules(pod, direction);
    if (rules === undefined) return true;
    const named = direction === 'ingress' ? portsOf(pod) : peerPorts ?? {};
    return rules.some((rule) =>
      samePort(rule.ports, port, protocol, named) &&
      samePeer(direction === 'ingress' ? rule.from : rule.to, peer));
  }
}

const samePort = (ports, port, protocol, named) => !ports || ports.some((allowed) =>
  (allowed.protocol ?? 'TCP') === protocol && (allowed.port === port || named[allowed.port] === port));

const samePeer = (peers, peer) => !peers || peers.some((allowed) => {
  if (allowed.ipBlock) return peer.outside === true;
  if (allowed.namespaceSelector) {
    return peer.namespace !== undefined && selects(allowed.namespaceSelector, peer.namespace) && !allowed.podSelector;
  }
  return peer.labels !== undefined && selects(allowed.podSelector, peer.labels);
});

function denied(network, findings) {
  for (const pod of network.pods) {
    for (const direction of ['ingress', 'egress']) {
      if (network.rules(pod, direction) === undefined) findings.push(`${pod.id}: ${direction} is open to all`);
    }
  }
}

function edges(network, findings) {
  const need = (ok, text) => ok || findings.push(`no policy allows ${text}`);
  for (const [from, to, portName] of EDGES) {
    const client = network.pod(from);
    const server = network.pod(to);
    if (!client || !server) continue;
    const port = portsOf(server)[portName];
    need(network.allows(client, 'egress', {labels: server.labels}, port, 'TCP', portsOf(server)), `${from} out to ${to}`);
    need(network.allows(server, 'ingress', {labels: client.labels}, port, 'TCP'), `${to} in from ${from}`);
  }
  for (const [from, to, port] of OUTSIDE) {
    const client = network.pod(from);
    if (!client || network.pod(to)) continue;
    need(network.allows(client, 'egress', {outside: true}, port, 'TCP'), `${from} out to an external ${to}`);
  }
  for (const pod of network.pods) {
    for (const protocol of ['UDP', 'TCP']) {
      need(network.allows(pod, 'egress', {namespace: {}}, 53, protocol), `${pod.id} DNS over ${protocol}`);
    }
  }
  for (const name of MONITORED) {
    const pod = network.pod(name);
    if (!pod) continue;
    const port = portsOf(pod).admin;
    need(network.allows(pod, 'ingress', {namespace: MONITORING_NAMESPACE}, port, 'TCP'), `${name} in from monitoring`);
    if (network.allows(pod, 'ingress', {namespace: {'kubernetes.io/metadata.name': 'other'}}, port, 'TCP')) {
      findings.push(`${pod.id}: its admin port is open to every namespace`);
    }
  }
}

// A policy that selects pods which are here names ports that they, or the pods it points at, have.
function ports(policy, pods, findings) {
  const own = pods.filter((pod) => selects(policy.spec.podSelector, pod.labels));
  for (const rule of policy.spec.ingress ?? []) {
    for (const {port} of rule.ports ?? []) {
      for (const pod of own) {
        const known = portsOf(pod);
        if (!(port in known) && !Object.values(known).includes(port)) {
          findings.push(`${idOf(policy)}: ${pod.id} has no port ${port}`);
        }
      }
    }
  }
  for (const rule of policy.spec.egress ?? []) {
    for (const {podSelector, namespaceSelector} of rule.to ?? []) {
      if (!podSelector || namespaceSelector) continue;
      for (const pod of pods.filter((candidate) => selects(podSelector, candidate.labels))) {
        for (const {port} of rule.ports ?? []) {
          const known = portsOf(pod);
          if (!(port in known) && !Object.values(known).includes(port)) {
            findings.push(`${idOf(policy)}: ${pod.id} has no port ${port}`);
          }
        }
      }
    }
  }
}
