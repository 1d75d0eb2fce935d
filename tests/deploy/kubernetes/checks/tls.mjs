// gRPC between pods: both ends of an edge speak TLS, with certificates that the other one accepts, or both plain
// text, which the client is allowed to.
import {environmentOf, ofKind, podsOf} from '../objects.mjs';
import {EDGES, NAME} from './network.mjs';

const FILES = {'tls.crt': 'TOPGUN_GRPC_TLS_CERTIFICATE_FILE', 'tls.key': 'TOPGUN_GRPC_TLS_KEY_FILE', 'ca.crt': 'TOPGUN_GRPC_TLS_CA_FILE'};

export function checkTls(objects) {
  const findings = [];
  const ends = new Map(podsOf(objects).map((pod) => [pod.labels[NAME], endOf(pod, objects, findings)]));
  for (const [from, to, port] of EDGES) {
    const client = ends.get(from);
    const server = ends.get(to);
    if (port !== 'grpc' || !client || !server) continue;
    const report = (text) => findings.push(`${client.id} to ${server.id}: ${text}`);
    if (client.tls !== server.tls) report(`the ${client.tls ? 'client' : 'server'} alone speaks TLS`);
    else if (client.tls) acceptEachOther(client, server, report);
    else if (!client.plaintext.includes('grpc')) report('the client may not speak plain text');
  }
  return findings;
}

const list = (text) => (text ?? '').split(',').filter(Boolean);

function acceptEachOther(client, server, report) {
  for (const [asked, shown, usage] of [[client, server, 'server auth'], [server, client, 'client auth']]) {
    if (!shown.certificate) continue;  // said before
    const {dnsNames, usages} = shown.certificate.spec;
    if (!dnsNames.some((name) => asked.peerNames.includes(name))) report(`${asked.id} accepts ${asked.peerNames}, not ${dnsNames}`);
    if (!usages.includes(usage)) report(`the certificate of ${shown.id} is not for ${usage}`);
  }
}

// What a pod is told about gRPC, and the certificate that it shows.
function endOf(pod, objects, findings) {
  const [container] = pod.spec.containers;
  const environment = environmentOf(container, objects);
  const tls = environment[FILES['tls.crt']] !== undefined;
  const end = {
    id: pod.id,
    tls,
    peerNames: list(environment.TOPGUN_GRPC_TLS_PEER_NAMES),
    plaintext: list(environment.TOPGUN_ALLOW_PLAINTEXT),
  };
  if (tls) end.certificate = certificateOf(pod, container, environment, objects, findings);
  return end;
}

function certificateOf(pod, container, environment, objects, findings) {
  const report = (text) => findings.push(`${pod.id}: ${text}`);
  const mount = container.volumeMounts?.find(({mountPath}) => environment[FILES['tls.crt']] === `${mountPath}/tls.crt`);
  const secret = pod.spec.volumes?.find(({name}) => name === mount?.name)?.secret?.secretName;
  const certificate = ofKind(objects, 'Certificate').find((object) => object.spec.secretName === secret);
  if (!secret || !certificate) {
    report(`${FILES['tls.crt']} is of no certificate that is mounted`);
    return undefined;
  }
  if (!mount.readOnly) report('its certificate is not mounted read-only');
  for (const [file, variable] of Object.entries(FILES)) {
    if (environment[variable] !== `${mount.mountPath}/${file}`) report(`${variable} is not ${mount.mountPath}/${file}`);
  }
  return certificate;
}
