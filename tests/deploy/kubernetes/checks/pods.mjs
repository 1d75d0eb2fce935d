// Pods by themselves: pod security "restricted", probes, resources, the end of a pod.
import {containersOf, environmentOf, podsOf} from '../objects.mjs';

// Time between the end of a drain and SIGKILL.
const MARGIN_SECONDS = 5;

export function checkPods(objects) {
  const findings = [];
  for (const pod of podsOf(objects)) {
    const report = (text) => findings.push(`${pod.id}: ${text}`);
    podSecurity(pod, report);
    manners(pod, report);
    for (const container of containersOf(pod)) {
      const reportContainer = (text) => report(`container ${container.name}: ${text}`);
      containerSecurity(pod, container, reportContainer);
      resources(container, reportContainer);
      image(container, reportContainer);
    }
    for (const container of pod.spec.containers) {
      const reportContainer = (text) => report(`container ${container.name}: ${text}`);
      if (!['Job', 'CronJob'].includes(pod.kind)) probes(container, reportContainer);
      ending(pod, environmentOf(container, objects), container, reportContainer);
      memory(environmentOf(container, objects), container, reportContainer);
    }
  }
  return findings;
}

// https://kubernetes.io/docs/concepts/security/pod-security-standards/, "Restricted".
const RESTRICTED_VOLUMES = new Set(['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral',
  'persistentVolumeClaim', 'projected', 'secret']);

function podSecurity({spec}, report) {
  for (const key of ['hostNetwork', 'hostPID', 'hostIPC']) {
    if (spec[key]) report(`${key} is not restricted`);
  }
  for (const volume of spec.volumes ?? []) {
    const type = Object.keys(volume).find((key) => key !== 'name');
    if (!RESTRICTED_VOLUMES.has(type)) report(`volume ${volume.name}: ${type} is not restricted`);
  }
  if ((spec.securityContext?.sysctls ?? []).length > 0) report('sysctls are not restricted');
}

function containerSecurity({spec}, container, report) {
  const own = container.securityContext ?? {};
  const of = (key) => own[key] ?? spec.securityContext?.[key];
  if (of('runAsNonRoot') !== true) report('runAsNonRoot is not true');
  if (!(of('runAsUser') > 0)) report('runAsUser is not a number above 0, so that the image decides');
  if (of('seccompProfile')?.type !== 'RuntimeDefault') report('seccompProfile is not RuntimeDefault');
  if (own.allowPrivilegeEscalation !== false) report('allowPrivilegeEscalation is not false');
  if (own.privileged) report('privileged');
  if (own.readOnlyRootFilesystem !== true) report('readOnlyRootFilesystem is not true');
  if (!own.capabilities?.drop?.includes('ALL')) report('capabilities do not drop ALL');
  for (const capability of own.capabilities?.add ?? []) report(`adds the capability ${capability}`);
  for (const port of container.ports ?? []) {
    if (port.hostPort) report(`port ${port.name} takes a port of the node`);
    if (!port.name) report(`port ${port.containerPort} has no name`);
  }
}

function manners({spec, kind}, report) {
  if (spec.automountServiceAccountToken !== false) report('automountServiceAccountToken is not false');
  if (spec.enableServiceLinks !== false) {
    report('enableServiceLinks is not false: variables of Services look like settings');
  }
  if (kind === 'Deployment' && !spec.topologySpreadConstraints) report('no topologySpreadConstraints');
}

function resources(container, report) {
  for (const kind of ['requests', 'limits']) {
    for (const what of ['cpu', 'memory']) {
      if (!container.resources?.[kind]?.[what]) report(`no ${kind} for ${what}`);
    }
  }
}

function image(container, report) {
  const tag = container.image.split('/').at(-1).split(/[:@]/)[1];
  if (!tag) report(`image ${container.image} has no tag`);
}

function probes(container, report) {
  const ports = new Map((container.ports ?? []).map((port) => [port.name, port.containerPort]));
  for (const kind of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
    const probe = container[kind];
    if (!probe) {
      report(`no ${kind}`);
      continue;
    }
    const port = (probe.httpGet ?? probe.tcpSocket ?? probe.grpc)?.port;
    if (port !== undefined && !ports.has(port) && ![...ports.values()].includes(port)) {
      report(`${kind}: there is no port ${port}`);
    }
  }
  // Readiness may depend on the stores; what restarts a process may not.
  for (const kind of ['startupProbe', 'livenessProbe']) {
    if (container[kind]?.httpGet?.path === '/readyz') {
      report(`${kind} asks /readyz: an outage of the stores would restart the process`);
    }
  }
}

// "30s", "500ms", "2m" or "1h" in seconds.
export function seconds(text) {
  const [, number, unit] = /^(\d+)(ms|s|m|h)?$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`no duration: ${text}`);
  return Number(number) * {ms: 0.001, s: 1, m: 60, h: 3600, undefined: 1}[unit];
}

// SIGKILL must not come before the drain is over.
function ending({spec}, environment, container, report) {
  const parts = ['TOPGUN_DRAIN_DELAY', 'TOPGUN_DRAIN_WINDOW', 'TOPGUN_DRAIN'].map((name) => environment[name]);
  const drain = parts.reduce((sum, text) => sum + seconds(text ?? '0'), Number(environment.TOPGUN_DRAIN_MS ?? 0) / 1000);
  const needed = (container.lifecycle?.preStop?.sleep?.seconds ?? 0) + drain + MARGIN_SECONDS;
  const given = spec.terminationGracePeriodSeconds ?? 30;
  if (given < needed) {
    report(`terminationGracePeriodSeconds ${given} is less than preStop + drain + ${MARGIN_SECONDS} = ${needed}`);
  }
  if (container.lifecycle?.preStop?.exec && container.image.includes('topgun-')) {
    report('preStop needs a program; the images have no shell');
  }
}

const UNITS = {Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30};
function bytes(text) {
  const [, number, unit] = /^(\d+)([KMG]iB?)?$/.exec(text) ?? [];
  if (number === undefined) throw new Error(`no size: ${text}`);
  return Number(number) * (UNITS[unit] ?? 1);
}

// What the settings allow a process to keep must fit into three quarters of its limit.
const KEPT_IN_MEMORY = ['TOPGUN_CACHE_BYTES_MAX', 'TOPGUN_VIEW_BYTES_MAX', 'TOPGUN_QUEUE_BYTES_MAX',
  'TOPGUN_RING_BYTES_MAX', 'TOPGUN_LOSER_BYTES_MAX', 'TOPGUN_READ_BYTES_MAX'];

function memory(environment, container, report) {
  const kept = KEPT_IN_MEMORY.reduce((sum, name) => sum + bytes(environment[name] ?? '0'), 0);
  const limit = container.resources?.limits?.memory;
  if (limit && kept > bytes(limit) * 0.75) {
    report(`may keep ${Math.round(kept / 2 ** 20)} MiB with a memory limit of ${limit}`);
  }
}
