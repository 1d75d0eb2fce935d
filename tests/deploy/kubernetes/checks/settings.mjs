// Settings in manifests against the programs: each name is one that they know (--print-config-doc), each
// program accepts the whole (--check-config; topgunctl by what it does), and autoscalers ask for metrics that
// there are.
import {execFileSync, spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';

import {containersOf, environmentOf, ofKind, podsOf} from '../objects.mjs';
import {makeMounts, movedPaths} from '../sandbox.mjs';

const SERVICES = ['topgun-gateway', 'topgun-sync', 'topgun-storage'];

// An address that nobody has (RFC 5737).
const NOBODY = '192.0.2.1';
// How topgunctl ends when it refuses what it is told, rather than that nobody answers.
const REFUSED = 2;

// The program of a container: the last part of the image's name.
const programOf = (container) => container.image.split('/').at(-1).split(/[:@]/)[0];

// What a program prints.
export function ask(bin, program, flag) {
  const {status, stdout, stderr, error} = spawnSync(path.join(bin, program), [flag], {encoding: 'utf8', timeout: 30_000});
  if (error) throw new Error(`${program} cannot be run; ./topgun build makes it: ${error.message}`);
  if (status !== 0) throw new Error(`${program} ${flag}: ${stderr}`);
  return stdout;
}

// {'topgun-gateway': {flags: Set, variables: Set, metrics: Set}, ...}
export function readPrograms(bin) {
  return Object.fromEntries(SERVICES.map((program) => {
    const rows = [...ask(bin, program, '--print-config-doc').matchAll(/^\| `(--[a-z-]+)` \| ([^|]+) \|/gm)];
    return [program, {
      flags: new Set(rows.map(([, flag]) => flag)),
      variables: new Set(rows.flatMap(([, , variables]) => variables.match(/[A-Z][A-Z_]+/g))),
      metrics: new Set([...ask(bin, program, '--print-metrics-doc').matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)),
    }];
  }));
}

// Names of variables and flags that no program knows; `helps` are the words of those without a table of
// settings.
export function checkSettingNames(objects, programs, helps) {
  const findings = [];
  for (const pod of podsOf(objects)) {
    for (const container of containersOf(pod)) {
      const program = programOf(container);
      const report = (text) => findings.push(`${pod.id}: ${program} has no ${text}`);
      const flags = (container.args ?? []).filter((arg) => arg.startsWith('--')).map((arg) => arg.split('=')[0]);
      if (program in helps) {
        const known = new Set(helps[program].match(/--[a-z][a-z-]*/g));
        for (const flag of flags) if (!known.has(flag)) report(`flag ${flag}`);
        const variables = new Set([...helps[program].matchAll(/\(Env:(\w+)\)/g)].map(([, name]) => name));
        for (const name of fromConfigMaps(container, objects)) if (!variables.has(name)) report(`variable ${name}`);
      } else if (SERVICES.includes(program)) {
        const {flags: known, variables} = programs[program];
        for (const flag of flags) if (!known.has(flag)) report(`flag ${flag}`);
        const used = [...fromConfigMaps(container, objects), ...named(container)];
        for (const name of used) if (!variables.has(name)) report(`variable ${name}`);
      }
    }
  }
  return findings;
}

const fromConfigMaps = (container, objects) => (container.envFrom ?? []).flatMap(({configMapRef}) =>
  Object.keys(ofKind(objects, 'ConfigMap').find((map) => map.metadata.name === configMapRef?.name)?.data ?? {}));

// Variables of the container itself, but for those that only serve to put others together.
function named(container) {
  const all = container.env ?? [];
  const helpers = new Set(all.flatMap(({value}) => [...(value ?? '').matchAll(/\$\((\w+)\)/g)].map(([, name]) => name)));
  return all.map(({name}) => name).filter((name) => !helpers.has(name) || name.startsWith('TOPGUN_'));
}

// Metrics that an autoscaler asks for and its program does not have.
export function checkMetricNames(objects, programs) {
  return ofKind(objects, 'HorizontalPodAutoscaler').flatMap((object) => object.spec.metrics
      .filter((metric) => metric.type === 'Pods')
      .filter((metric) => !programs[object.spec.scaleTargetRef.name].metrics.has(metric.pods.metric.name))
      .map((metric) => `HorizontalPodAutoscaler/${object.metadata.name}: there is no metric ${metric.pods.metric.name}`));
}

// What the programs in `bin` say about the settings of every container. `files` is a folder that stands
// for the machine's: what the pod mounts is made there, with the content of `secrets` by key.
export function checkWithPrograms(objects, bin, files, secrets) {
  const findings = [];
  for (const pod of podsOf(objects)) {
    for (const container of containersOf(pod)) {
      const program = programOf(container);
      if (!SERVICES.includes(program) && program !== 'topgunctl') continue;
      const root = path.join(files, pod.name);
      makeMounts(container, pod, root, (volume) => volume.secret && secrets);
      const environment = Object.fromEntries(Object.entries(environmentOf(container, objects))
          .map(([name, value]) => [name, movedPaths(value, container, root)]));
      const args = program === 'topgunctl' ? askingNobody(container.args) : [...(container.args ?? []), '--check-config'];
      const {status, stdout, stderr} = spawnSync(path.join(bin, program), args,
          {env: environment, encoding: 'utf8', timeout: 30_000});
      const refused = program === 'topgunctl' ? status === REFUSED || status === null : status !== 0;
      if (refused) findings.push(`${pod.id}: ${program} refuses: ${(stderr + stdout).trim()}`);
    }
  }
  return findings;
}

// topgunctl has no --check-config. It looks at its settings before it asks, and the names of Services mean
// nothing here.
const askingNobody = (args) => ['--timeout=0.2', ...args.map((arg) => arg.replaceAll(/\btopgun-[a-z-]+/g, NOBODY))];

// A self-signed certificate and its key, which serve as each other's authority.
export function makeCertificate(dir) {
  const [key, certificate] = ['key.pem', 'certificate.pem'].map((name) => path.join(dir, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-keyout', key, '-out', certificate, '-subj', '/CN=topgun', '-days', '30'], {stdio: 'ignore'});
  return {key: readFileSync(key), certificate: readFileSync(certificate)};
}
