// The rules that no schema knows: pod security, probes, the end of pods, references, network policies, mTLS.
// Each rule is also shown to catch what it is for.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {KUBERNETES, needKubectl} from './kustomize.mjs';

needKubectl();
const {checkNetwork} = await import('./checks/network.mjs');
const {checkPods} = await import('./checks/pods.mjs');
const {checkReferences} = await import('./checks/references.mjs');
const {checkTls} = await import('./checks/tls.mjs');
const {podsOf} = await import('./objects.mjs');
const {target, targets} = await import('./targets.mjs');

// Secrets that somebody makes before: the README's table names them.
const readme = readFileSync(path.join(KUBERNETES, 'README.md'), 'utf8');
const documented = (secret) => readme.includes(`| \`${secret}\` |`);

// This overlay is applied beside another one.
const BESIDE = {'overlays/dev-loadgen': 'overlays/dev'};
const contextOf = (name) => ({documented, present: BESIDE[name] ? target(BESIDE[name]).objects : []});

const CHECKS = {
  pods: (objects) => checkPods(objects),
  references: (objects, context) => checkReferences(objects, context),
  network: (objects, context) => checkNetwork(objects, context),
  tls: (objects) => checkTls(objects),
};

for (const {name, objects} of targets()) {
  for (const [kind, check] of Object.entries(CHECKS)) {
    test(`${name}: ${kind}`, () => assert.deepEqual(check(objects, contextOf(name)), []));
  }
}

test('overlays are isolated, and images have fixed tags', () => {
  for (const {name, objects} of targets().filter((other) => other.name.startsWith('overlays/'))) {
    assert.ok(objects.some((object) => object.kind === 'NetworkPolicy'), `${name} has no NetworkPolicy`);
    for (const {id, spec} of podsOf(objects)) {
      for (const {image} of spec.containers) assert.doesNotMatch(image, /:latest$/, `${name}: ${id}`);
    }
  }
});

test('namespaces enforce the pod security that the pods keep', () => {
  for (const name of ['dev', 'production']) {
    const namespace = target(`overlays/${name}`).objects.find((object) => object.kind === 'Namespace');
    assert.equal(namespace.metadata.labels['pod-security.kubernetes.io/enforce'], 'restricted');
    for (const object of target(`overlays/${name}`).objects) {
      if (['Namespace', 'PriorityClass'].includes(object.kind)) continue;
      assert.equal(object.metadata.namespace, namespace.metadata.name, object.metadata.name);
    }
  }
});

// --- what must be caught ---

// A changed copy of an overlay, with what `check` finds in it.
function findings(check, change, name = 'overlays/production') {
  const objects = structuredClone(target(name).objects);
  const find = (kind, start) => {
    const found = objects.find((object) => object.kind === kind && object.metadata.name.startsWith(start));
    assert.ok(found, `${kind}/${start}`);
    return found;
  };
  change(find, objects);
  return CHECKS[check](objects, contextOf(name));
}

const podSpec = (object) => object.spec.template.spec;
const container = (object) => podSpec(object).containers[0];
const remove = (objects, object) => objects.splice(objects.indexOf(object), 1);

const gateway = (find) => find('Deployment', 'topgun-gateway');
const BROKEN_PODS = {
  'a pod that may be root': [(find) => { podSpec(gateway(find)).securityContext.runAsNonRoot = false; }, /runAsNonRoot/],
  'an image that decides the user': [(find) => { delete podSpec(gateway(find)).securityContext.runAsUser; }, /runAsUser/],
  'no seccomp profile': [(find) => { delete podSpec(gateway(find)).securityContext.seccompProfile; }, /seccompProfile/],
  'privilege escalation': [(find) => { delete container(gateway(find)).securityContext.allowPrivilegeEscalation; }, /allowPrivilegeEscalation/],
  'a writable root': [(find) => { container(gateway(find)).securityContext.readOnlyRootFilesystem = false; }, /readOnlyRootFilesystem/],
  'kept capabilities': [(find) => { container(gateway(find)).securityContext.capabilities = {drop: ['NET_RAW']}; }, /drop ALL/],
  'an added capability': [(find) => { container(gateway(find)).securityContext.capabilities.add = ['SYS_PTRACE']; }, /SYS_PTRACE/],
  'a folder of the node': [(find) => { podSpec(gateway(find)).volumes.push({name: 'host', hostPath: {path: '/'}}); }, /hostPath/],
  'a port of the node': [(find) => { container(gateway(find)).ports[0].hostPort = 8080; }, /port of the node/],
  'the network of the node': [(find) => { podSpec(gateway(find)).hostNetwork = true; }, /hostNetwork/],
  'a token of the API server': [(find) => { delete podSpec(gateway(find)).automountServiceAccountToken; }, /automountServiceAccountToken/],
  'service links': [(find) => { delete podSpec(gateway(find)).enableServiceLinks; }, /enableServiceLinks/],
  'no spread': [(find) => { delete podSpec(gateway(find)).topologySpreadConstraints; }, /topologySpreadConstraints/],
  'no limit': [(find) => { delete container(gateway(find)).resources.limits.memory; }, /no limits for memory/],
  'no request': [(find) => { delete container(gateway(find)).resources.requests.cpu; }, /no requests for cpu/],
  'no probe': [(find) => { delete container(gateway(find)).startupProbe; }, /no startupProbe/],
  'a probe of a port that is not there': [(find) => { container(gateway(find)).readinessProbe.httpGet.port = 'metrics'; }, /no port metrics/],
  'liveness that depends on the stores': [(find) => { container(gateway(find)).livenessProbe.httpGet.path = '/readyz'; }, /restart the process/],
  'an image without a tag': [(find) => { container(gateway(find)).image = 'registry:5000/topgun-gateway'; }, /no tag/],
  'SIGKILL during the drain': [(find) => { podSpec(gateway(find)).terminationGracePeriodSeconds = 35; }, /terminationGracePeriodSeconds 35/],
  'a longer drain alone': [(find) => { find('ConfigMap', 'topgun-gateway').data.TOPGUN_DRAIN = '5m'; }, /terminationGracePeriodSeconds/],
  'a shell in an image without one': [(find) => { container(gateway(find)).lifecycle = {preStop: {exec: {command: ['sleep', '5']}}}; }, /no shell/],
  'more caches than memory': [(find) => { find('ConfigMap', 'topgun-sync').data.TOPGUN_VIEW_BYTES_MAX = '2GiB'; }, /memory limit of 2Gi/],
};

const BROKEN_REFERENCES = {
  'a Service that selects nothing': [(find) => { find('Service', 'topgun-sync').spec.selector = {app: 'sync'}; }, /Service\/topgun-sync: selects no pod/],
  'a targetPort that is not there': [(find) => { find('Service', 'topgun-gateway').spec.ports[0].targetPort = 'http'; }, /targetPort http/],
  'a headless Service with another port': [(find) => { find('Service', 'topgun-sync').spec.ports[0].port = 80; }, /headless/],
  'a public admin port': [(find) => {
    Object.assign(find('Service', 'topgun-gateway').spec, {type: 'LoadBalancer'}).ports.push({name: 'admin', port: 9090, targetPort: 'admin'});
  }, /admin port outside/],
  'a budget for nothing': [(find) => { find('PodDisruptionBudget', 'topgun-sync').spec.selector.matchLabels = {app: 'x'}; }, /PodDisruptionBudget\/topgun-sync/],
  'an autoscaler for nothing': [(find) => { find('HorizontalPodAutoscaler', 'topgun-sync').spec.scaleTargetRef.name = 'sync'; }, /no Deployment\/sync/],
  'an autoscaler against replicas': [(find) => { gateway(find).spec.replicas = 3; }, /put back/],
  'an ingress to nowhere': [(find) => { find('Ingress', 'topgun').spec.rules[0].http.paths[0].backend.service.port = {number: 80}; }, /no port 80/],
  'an ingress without TLS': [(find) => { delete find('Ingress', 'topgun').spec.tls; }, /without TLS/],
  'a spread of others': [(find) => { podSpec(gateway(find)).topologySpreadConstraints[0].labelSelector.matchLabels = {app: 'x'}; }, /spreads other pods/],
  'a selector of others': [(find) => { gateway(find).spec.selector.matchLabels = {app: 'x'}; }, /its own pods/],
  'a missing ConfigMap': [(find, objects) => { remove(objects, find('ConfigMap', 'topgun-sync')); }, /no ConfigMap\/topgun-sync-/],
  'an unknown Secret': [(find) => { podSpec(gateway(find)).volumes[0].secret.secretName = 'jwt'; }, /Secret\/jwt/],
  'a Secret in the environment': [(find) => {
    container(gateway(find)).env.push({name: 'JWT_SECRET', valueFrom: {secretKeyRef: {name: 'topgun-jwt', key: 'secret'}}});
  }, /mount it instead/],
  'a mount without a volume': [(find) => { podSpec(gateway(find)).volumes = []; }, /no volume jwt/],
  'a missing account': [(find, objects) => { remove(objects, find('ServiceAccount', 'topgun-sync')); }, /no ServiceAccount/],
  'a missing priority': [(find, objects) => { remove(objects, find('PriorityClass', 'topgun')); }, /no PriorityClass/],
  'a StatefulSet without its Service': [(find, objects) => { remove(objects, find('Service', 'topgun-storage')); }, /no Service\/topgun-storage/],
};

const policy = (find, name) => find('NetworkPolicy', `topgun-${name}`).spec;
const BROKEN_NETWORKS = {
  'no default': [(find, objects) => {
    remove(objects, find('NetworkPolicy', 'topgun-default-deny'));
    remove(objects, find('NetworkPolicy', 'topgun-postgres'));
  }, /topgun-postgres: ingress is open to all/],
  'no DNS': [(find, objects) => { remove(objects, find('NetworkPolicy', 'topgun-dns')); }, /DNS over UDP/],
  'no monitoring': [(find, objects) => { remove(objects, find('NetworkPolicy', 'topgun-monitoring')); }, /in from monitoring/],
  'monitoring for all': [(find) => { delete policy(find, 'monitoring').ingress[0].from; }, /open to every namespace/],
  'a gateway that cannot reach sync': [(find) => { policy(find, 'gateway').egress = []; }, /topgun-gateway out to topgun-sync/],
  'a sync service that lets no gateway in': [(find) => { policy(find, 'sync').ingress = []; }, /topgun-sync in from topgun-gateway/],
  'a sync service that cannot reach Redis': [(find) => { policy(find, 'sync').egress.pop(); }, /topgun-sync out to topgun-redis/],
  'a storage service that cannot reach Postgres': [(find) => { policy(find, 'storage').egress.pop(); }, /topgun-storage out to topgun-postgres/],
  'a port that is not there': [(find) => { policy(find, 'sync').ingress[0].ports[0].port = 9001; }, /no port 9001/],
  'a doctor that may not ask over gRPC': [(find) => { find('NetworkPolicy', 'topgunctl').spec.egress.pop(); }, /topgunctl out to topgun-storage/],
  'a service that does not let the doctor ask': [(find, objects) => {
    remove(objects, find('NetworkPolicy', 'topgunctl-to-grpc'));
  }, /topgun-sync in from topgunctl/],
  'a port that the other end has not': [(find) => { policy(find, 'gateway').egress[0].ports[0].port = 'rpc'; }, /no port rpc/],
};

const doctor = (find) => find('CronJob', 'topgun-doctor').spec.jobTemplate;
const certificate = (find, name) => find('Certificate', name).spec;
const BROKEN_TLS = {
  'a server that does not know a client': [(find) => {
    find('ConfigMap', 'topgun-storage').data.TOPGUN_GRPC_TLS_PEER_NAMES = 'topgun-sync';
  }, /CronJob\/topgun-doctor to StatefulSet\/topgun-storage: .* accepts topgun-sync, not topgunctl/],
  'a client that does not know a server': [(find) => {
    find('ConfigMap', 'topgunctl-tls').data.TOPGUN_GRPC_TLS_PEER_NAMES = 'topgun-sync';
  }, /CronJob\/topgun-doctor accepts topgun-sync, not topgun-storage/],
  'a certificate for clients on a server': [(find) => { certificate(find, 'topgun-sync').usages = ['client auth']; }, /topgun-sync is not for server auth/],
  'a certificate for servers on a client': [(find) => { certificate(find, 'topgunctl').usages = ['server auth']; }, /topgun-doctor is not for client auth/],
  'a certificate that nobody makes': [(find, objects) => { remove(objects, find('Certificate', 'topgunctl')); }, /topgun-doctor: .* no certificate that is mounted/],
  'a certificate that is not mounted': [(find) => { podSpec(doctor(find)).containers[0].volumeMounts = []; }, /topgun-doctor: .* no certificate that is mounted/],
  'a certificate that may be written': [(find) => { podSpec(doctor(find)).containers[0].volumeMounts[0].readOnly = false; }, /topgun-doctor: .* not mounted read-only/],
  'a key elsewhere': [(find) => { find('ConfigMap', 'topgunctl-tls').data.TOPGUN_GRPC_TLS_KEY_FILE = '/tls.key'; }, /topgun-doctor: TOPGUN_GRPC_TLS_KEY_FILE/],
  'a client without TLS': [(find, objects) => { remove(objects, find('ConfigMap', 'topgunctl-tls')); }, /topgun-doctor to .*: the server alone speaks TLS/],
};

test('caught: a client that may not speak plain text', () => {
  const change = (find, objects) => remove(objects, find('ConfigMap', 'topgunctl-plaintext'));
  assert.match(findings('tls', change, 'overlays/dev').join('\n'), /topgun-doctor to .*: the client may not speak plain text/);
});

for (const [name, [change, expected]] of Object.entries(BROKEN_TLS)) {
  test(`caught: ${name}`, () => assert.match(findings('tls', change).join('\n'), expected));
}
for (const [name, [change, expected]] of Object.entries(BROKEN_PODS)) {
  test(`caught: ${name}`, () => assert.match(findings('pods', change).join('\n'), expected));
}
for (const [name, [change, expected]] of Object.entries(BROKEN_REFERENCES)) {
  test(`caught: ${name}`, () => assert.match(findings('references', change).join('\n'), expected));
}
for (const [name, [change, expected]] of Object.entries(BROKEN_NETWORKS)) {
  test(`caught: ${name}`, () => assert.match(findings('network', change, 'overlays/dev').join('\n'), expected));
}

test('caught: stores outside that nobody may reach', () => {
  const change = (find) => {
    const spec = policy(find, 'storage');
    spec.egress = spec.egress.filter((rule) => rule.ports[0].port !== 5432);
  };
  assert.match(findings('network', change).join('\n'), /topgun-storage out to an external topgun-postgres/);
});
