// Manifests cannot rot: every flag and variable in them is one of the programs of this build, and the
// programs accept the values.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {KUBERNETES, needKubectl, renderCombination, REPOSITORY, withFolder} from './kustomize.mjs';

needKubectl();
const {ask, checkMetricNames, checkSettingNames, checkWithPrograms, makeCertificate, readPrograms} =
    await import('./checks/settings.mjs');
const {parse, target, targets} = await import('./targets.mjs');

const BIN = process.env.TOPGUN_BIN ?? path.join(REPOSITORY, 'build/release/bin');
const programs = readPrograms(BIN);
const helps = Object.fromEntries(['topgun-loadgen', 'topgunctl'].map((program) => [program, ask(BIN, program, '--help')]));
const namesOf = (objects) => checkSettingNames(objects, programs, helps);
const metricsOf = (objects) => checkMetricNames(objects, programs);

// Runs the programs with Secrets that have every key a manifest may ask for.
function verdicts(objects) {
  return withFolder((dir) => {
    const {key, certificate} = makeCertificate(dir);
    const text = 'a secret of more than thirty-two bytes';
    return checkWithPrograms(objects, BIN, dir, {
      'secret': text, 'password': text, 'tls.crt': certificate, 'tls.key': key, 'ca.crt': certificate,
    });
  });
}

function changed(change) {
  const objects = structuredClone(target('overlays/dev').objects);
  change((kind, prefix) => objects.find((object) => object.kind === kind && object.metadata.name.startsWith(prefix)));
  return objects;
}

test('what the programs say of themselves was understood', () => {
  assert.ok(programs['topgun-gateway'].variables.has('JWT_SECRET_FILE'));
  assert.ok(programs['topgun-storage'].flags.has('--advertise'));
  assert.ok(programs['topgun-sync'].metrics.has('sync_shards_open'));
  assert.match(helps['topgun-loadgen'], /--jwt-secret-file/);
  assert.match(helps.topgunctl, /--admin/);
  assert.match(helps.topgunctl, /\(Env:TOPGUN_ALLOW_PLAINTEXT\)/);
});

for (const {name, objects} of targets()) {
  test(`${name}: only settings that exist`, () => assert.deepEqual(namesOf(objects), []));
  test(`${name}: only metrics that exist`, () => assert.deepEqual(metricsOf(objects), []));
  test(`${name}: the programs accept them`, () => assert.deepEqual(verdicts(objects), []));
}

test('a misspelt variable is found', () => {
  const objects = changed((find) => { find('ConfigMap', 'topgun-sync').data.TOPGUN_REDIS_ADDRESS = 'x:1'; });
  assert.deepEqual(namesOf(objects), ['Deployment/topgun-sync: topgun-sync has no variable TOPGUN_REDIS_ADDRESS']);
});

test('a variable of another service is found', () => {
  const objects = changed((find) => {
    find('Deployment', 'topgun-gateway').spec.template.spec.containers[0].env.push({name: 'TOPGUN_POSTGRES', value: 'x'});
  });
  assert.deepEqual(namesOf(objects), ['Deployment/topgun-gateway: topgun-gateway has no variable TOPGUN_POSTGRES']);
});

test('a misspelt flag is found, of the services and of the load generator', () => {
  const objects = changed((find) => {
    find('Deployment', 'topgun-gateway').spec.template.spec.containers[0].args = ['--lisen=:1'];
  });
  assert.deepEqual(namesOf(objects), ['Deployment/topgun-gateway: topgun-gateway has no flag --lisen']);
  const load = structuredClone(target('overlays/dev-loadgen').objects);
  load.find((object) => object.kind === 'Job').spec.template.spec.containers[0].args.push('--secnario=smoke');
  assert.deepEqual(namesOf(load), ['Job/topgun-loadgen: topgun-loadgen has no flag --secnario']);
});

test('a value that the program refuses is found', () => {
  const objects = changed((find) => { find('ConfigMap', 'topgun-sync').data.TOPGUN_DRAIN = '10 seconds'; });
  const [finding, ...others] = verdicts(objects);
  assert.match(finding, /Deployment\/topgun-sync: topgun-sync refuses: .*drain/);
  assert.deepEqual(others, []);
});

test('what topgunctl does not know or refuses is found', () => {
  const misspelt = changed((find) => { find('ConfigMap', 'topgunctl-plaintext').data = {TOPGUN_PLAINTEXT: 'grpc'}; });
  assert.deepEqual(namesOf(misspelt), ['CronJob/topgun-doctor: topgunctl has no variable TOPGUN_PLAINTEXT']);
  const wrong = changed((find) => { find('ConfigMap', 'topgunctl-plaintext').data.TOPGUN_ALLOW_PLAINTEXT = 'http'; });
  const [finding, ...others] = verdicts(wrong);
  assert.match(finding, /CronJob\/topgun-doctor: topgunctl refuses: .*allow-plaintext/i);
  assert.deepEqual(others, []);
});

test('without the components plaintext and tls-cert-manager topgunctl says what is missing, as the services do', () => {
  const found = verdicts(parse(renderCombination(['external-stores', 'topgunctl'])));
  for (const id of ['Deployment/topgun-gateway', 'Deployment/topgun-sync', 'StatefulSet/topgun-storage', 'CronJob/topgun-doctor']) {
    assert.match(found.find((finding) => finding.startsWith(`${id}: `)) ?? 'nothing', /refuses: .*--allow-plaintext=grpc/s, id);
  }
});

test('a metric that is not there is found, also in the rule for prometheus-adapter', () => {
  const objects = structuredClone(target('overlays/production').objects);
  const autoscaler = objects.find((object) => object.metadata.name === 'topgun-gateway' && object.kind === 'HorizontalPodAutoscaler');
  const {metric} = autoscaler.spec.metrics[0].pods;
  const adapter = readFileSync(path.join(KUBERNETES, 'components/autoscaling/prometheus-adapter.yaml'), 'utf8');
  assert.ok(adapter.includes(`'${metric.name}{`), `no rule for ${metric.name}`);
  metric.name = 'gateway_sockets';
  assert.deepEqual(metricsOf(objects), ['HorizontalPodAutoscaler/topgun-gateway: there is no metric gateway_sockets']);
});
