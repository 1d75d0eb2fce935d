// Questions about rendered objects that several checks ask.

const WORKLOADS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'CronJob']);

export const idOf = (object) => `${object.kind}/${object.metadata?.name}`;

export const ofKind = (objects, kind) => objects.filter((object) => object.kind === kind);

// The pods that the objects make: {id, kind, labels, spec, object}.
export function podsOf(objects) {
  return objects.filter((object) => WORKLOADS.has(object.kind)).map((object) => {
    const {template} = object.spec.jobTemplate?.spec ?? object.spec;
    return {
      id: idOf(object),
      kind: object.kind,
      name: object.metadata.name,
      labels: template.metadata?.labels ?? {},
      spec: template.spec,
      object,
    };
  });
}

export const containersOf = (pod) => [...(pod.spec.initContainers ?? []), ...pod.spec.containers];

// Whether a label selector selects these labels; an empty one selects everything.
export function selects(selector, labels) {
  const {matchLabels = {}, matchExpressions = []} = selector ?? {};
  return Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
      matchExpressions.every(({key, operator, values}) => {
        switch (operator) {
          case 'In': return values.includes(labels[key]);
          case 'NotIn': return !values.includes(labels[key]);
          case 'Exists': return key in labels;
          case 'DoesNotExist': return !(key in labels);
          default: throw new Error(`unknown operator ${operator}`);
        }
      });
}

// The ports of a pod by name: {grpc: 9000}.
export function portsOf(pod) {
  const ports = {};
  for (const container of pod.spec.containers) {
    for (const port of container.ports ?? []) ports[port.name] = port.containerPort;
  }
  return ports;
}

// The environment of a container as the process sees it; Secrets and fields of the pod become
// placeholders.
export function environmentOf(container, objects) {
  const environment = {};
  for (const source of container.envFrom ?? []) {
    const name = source.configMapRef?.name;
    const map = ofKind(objects, 'ConfigMap').find((object) => object.metadata.name === name);
    Object.assign(environment, map?.data);
  }
  for (const {name, value, valueFrom} of container.env ?? []) {
    environment[name] = valueFrom ? `placeholder-for-${name.toLowerCase().replaceAll('_', '-')}`
                                  : expand(value ?? '', environment);
  }
  return environment;
}

const expand = (text, environment) =>
  text.replace(/\$\(([A-Za-z_][A-Za-z0-9_]*)\)/g, (whole, name) => environment[name] ?? whole);
