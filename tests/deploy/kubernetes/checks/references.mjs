// What objects say about each other: selectors select pods, names and ports exist.
import {containersOf, idOf, ofKind, podsOf, portsOf, selects} from '../objects.mjs';

// `documented(secret, key)`: whether the README says that the Secret must be made beforehand.
export function checkReferences(objects, {documented = () => false, present = []} = {}) {
  const all = [...objects, ...present];
  const findings = [];
  const pods = podsOf(all);
  for (const pod of podsOf(objects)) volumes(pod, all, documented, findings);
  for (const pod of podsOf(objects)) names(pod, all, findings);
  for (const object of objects) {
    const report = (text) => findings.push(`${idOf(object)}: ${text}`);
    switch (object.kind) {
      case 'Service': service(object, pods, report); break;
      case 'PodDisruptionBudget': selector(object.spec.selector, pods, report); break;
      case 'HorizontalPodAutoscaler': scaled(object, all, report); break;
      case 'Ingress': ingress(object, all, report); break;
      case 'HTTPRoute': route(object, all, report); break;
      case 'PodMonitor': monitor(object, pods, report); break;
      case 'Deployment':
      case 'StatefulSet': workload(object, all, report); break;
      default: break;
    }
  }
  return findings;
}

function selector(wanted, pods, report) {
  if (!pods.some((pod) => selects(wanted, pod.labels))) report('selects no pod');
}

function service(object, pods, report) {
  const {selector: labels, ports, clusterIP, type} = object.spec;
  const selected = pods.filter((pod) => selects({matchLabels: labels}, pod.labels));
  if (selected.length === 0) report('selects no pod');
  for (const pod of selected) {
    const known = portsOf(pod);
    for (const port of ports) {
      const target = port.targetPort ?? port.port;
      if (!(target in known) && !Object.values(known).includes(target)) {
        report(`targetPort ${target}: ${pod.id} has no such port`);
      }
      // Clients of a headless Service connect to pods, whose port it cannot change.
      if (clusterIP === 'None' && known[target] !== port.port && target !== port.port) {
        report(`is headless, but its port ${port.port} is not ${pod.id}'s ${known[target]}`);
      }
    }
  }
  const admin = ports.some((port) => [port.name, port.targetPort].includes('admin'));
  if (admin && type && type !== 'ClusterIP') report('shows the admin port outside of the cluster');
}

function scaled(object, objects, report) {
  const {kind, name} = object.spec.scaleTargetRef;
  const target = objects.find((other) => other.kind === kind && other.metadata.name === name);
  if (!target) return report(`there is no ${kind}/${name}`);
  if (target.spec.replicas !== undefined) report(`${kind}/${name} sets replicas, which every apply would put back`);
  return undefined;
}

function backend(name, port, objects, report) {
  const target = ofKind(objects, 'Service').find((other) => other.metadata.name === name);
  if (!target) return report(`there is no Service/${name}`);
  if (!target.spec.ports.some((known) => known.name === port || known.port === port)) {
    report(`Service/${name} has no port ${port}`);
  }
  return undefined;
}

function ingress(object, objects, report) {
  const hosts = new Set(object.spec.rules.map((rule) => rule.host));
  for (const rule of object.spec.rules) {
    for (const {backend: {service: {name, port}}} of rule.http.paths) {
      backend(name, port.name ?? port.number, objects, report);
    }
  }
  const covered = (object.spec.tls ?? []).flatMap((tls) => tls.hosts);
  for (const host of hosts) if (!covered.includes(host)) report(`${host} is without TLS`);
}

function route(object, objects, report) {
  for (const {backendRefs} of object.spec.rules) {
    for (const {name, port} of backendRefs) backend(name, port, objects, report);
  }
  for (const {name, sectionName} of object.spec.parentRefs) {
    const gateway = ofKind(objects, 'Gateway').find((other) => other.metadata.name === name);
    if (!gateway) report(`there is no Gateway/${name}`);
    const listener = gateway?.spec.listeners.find((other) => other.name === sectionName);
    if (gateway && !listener) report(`Gateway/${name} has no listener ${sectionName}`);
    if (listener && !object.spec.hostnames.includes(listener.hostname)) {
      report(`Gateway/${name} listens for ${listener.hostname} only`);
    }
  }
}

function monitor(object, pods, report) {
  const selected = pods.filter((pod) => selects(object.spec.selector, pod.labels));
  if (selected.length === 0) report('selects no pod');
  for (const {port} of object.spec.podMetricsEndpoints) {
    for (const pod of selected) {
      if (!(port in portsOf(pod))) report(`${pod.id} has no port ${port}`);
    }
  }
}

function workload(object, objects, report) {
  const {selector: wanted, template, serviceName} = object.spec;
  if (!selects(wanted, template.metadata.labels)) report('its selector does not select its own pods');
  for (const constraint of template.spec.topologySpreadConstraints ?? []) {
    if (!selects(constraint.labelSelector, template.metadata.labels)) {
      report(`spreads other pods over ${constraint.topologyKey}`);
    }
  }
  if (serviceName && !ofKind(objects, 'Service').some((other) => other.metadata.name === serviceName)) {
    report(`there is no Service/${serviceName}`);
  }
}

// Volumes name ConfigMaps and Secrets that exist, unless these are optional; every mount has a volume.
function volumes(pod, objects, documented, findings) {
  const claimed = (pod.object.spec.volumeClaimTemplates ?? []).map((claim) => claim.metadata.name);
  const known = new Set([...claimed, ...(pod.spec.volumes ?? []).map((volume) => volume.name)]);
  for (const container of containersOf(pod)) {
    for (const mount of container.volumeMounts ?? []) {
      if (!known.has(mount.name)) findings.push(`${pod.id}: there is no volume ${mount.name} to mount`);
    }
  }
  for (const volume of pod.spec.volumes ?? []) {
    const map = volume.configMap?.name;
    if (map && !volume.configMap.optional) existing(pod, objects, 'ConfigMap', map, findings);
    const sources = [volume, ...(volume.projected?.sources ?? [])];
    for (const {secret} of sources) {
      if (secret && !secret.optional) secretExists(pod, objects, secret.secretName ?? secret.name, documented, findings);
    }
  }
}

function names(pod, objects, findings) {
  const account = pod.spec.serviceAccountName;
  if (account) existing(pod, objects, 'ServiceAccount', account, findings);
  const priority = pod.spec.priorityClassName;
  if (priority) existing(pod, objects, 'PriorityClass', priority, findings);
  for (const container of containersOf(pod)) {
    for (const {configMapRef} of container.envFrom ?? []) {
      if (configMapRef && !configMapRef.optional) existing(pod, objects, 'ConfigMap', configMapRef.name, findings);
    }
    for (const {name, valueFrom} of container.env ?? []) {
      if (valueFrom?.secretKeyRef) {
        findings.push(`${pod.id}: ${name} takes a Secret into the environment; mount it instead`);
      }
    }
  }
}

function existing(pod, objects, kind, name, findings) {
  if (objects.some((object) => object.kind === kind && object.metadata.name === name)) return;
  findings.push(`${pod.id}: there is no ${kind}/${name}`);
}

function secretExists(pod, objects, name, documented, findings) {
  const made = objects.some((object) =>
    (object.kind === 'Secret' && object.metadata.name === name) ||
    (object.kind === 'Certificate' && object.spec.secretName === name));
  if (!made && !documented(name)) {
    findings.push(`${pod.id}: Secret/${name} is neither made here nor documented as required`);
  }
}
