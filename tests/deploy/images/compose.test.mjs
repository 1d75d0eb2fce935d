// The compose file without an engine: its images have targets, its files exist, the programs accept their settings,
// nothing waits for a container that there is not.
import assert from 'node:assert/strict';
import {spawnSync} from 'node:child_process';
import {existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import {parse} from 'yaml';

import {REPOSITORY} from '../kubernetes/kustomize.mjs';
import {ask, readPrograms} from '../kubernetes/checks/settings.mjs';

const BIN = process.env.TOPGUN_BIN ?? path.join(REPOSITORY, 'build/release/bin');
const DOCKER = path.join(REPOSITORY, 'deploy/docker');
const compose = parse(readFileSync(path.join(DOCKER, 'compose.yaml'), 'utf8'), {merge: true});
const services = Object.entries(compose.services);
const ours = services.filter(([, service]) => service.build);
const programs = readPrograms(BIN);

// Words of arguments and variables that stand for addresses: host:port.
const hostsOf = (text) => [...String(text).matchAll(/(?<![\w.*])([a-z][a-z0-9-]*):\d+/g)].map(([, host]) => host);

// What docker stop waits for, against what the program may take.
const GRACE = {
  'topgun-gateway': ['TOPGUN_DRAIN_WINDOW', 'TOPGUN_DRAIN'],
  'topgun-sync': ['TOPGUN_DRAIN'],
  'topgun-storage': ['TOPGUN_DRAIN_MS'],
};
const seconds = (text) => /^\d+$/.test(text) ? Number(text) / 1000 : Number(text.match(/^(\d+)s$/)[1]);

test('there are two of what comes in numbers', () => {
  const count = (target) => ours.filter(([, service]) => service.build.target === target).length;
  assert.deepEqual(['topgun-gateway', 'topgun-sync', 'topgun-storage', 'topgun-loadgen', 'topgunctl'].map(count), [2, 2, 1, 1, 1]);
});

for (const [name, service] of ours) {
  const {target} = service.build;

  test(`${name}: its image is one of the Dockerfile`, () => {
    const dockerfile = readFileSync(path.join(DOCKER, service.build.context, service.build.dockerfile), 'utf8');
    assert.match(dockerfile, new RegExp(`^FROM image AS ${target}$`, 'm'));
    assert.equal(service.image, `${target}:dev`);
  });

  test(`${name}: every flag and variable exists`, () => {
    const known = programs[target];
    const flags = known?.flags ?? new Set(ask(BIN, target, '--help').match(/--[a-z][a-z-]*/g));
    for (const arg of [...service.entrypoint ?? [], ...service.command ?? []].filter((word) => word.startsWith('--'))) {
      assert.ok(flags.has(arg.split('=')[0]), arg);
    }
    for (const variable of Object.keys(service.environment ?? {})) assert.ok(known.variables.has(variable), variable);
  });

  if (programs[target]) {
    test(`${name}: the program accepts its settings`, () => {
      const {status, stdout, stderr} = checkConfig(target, service.environment, service.secrets);
      assert.equal(status, 0, stdout + stderr);
    });

    test(`${name}: it may take its time to drain`, () => {
      const drain = GRACE[target].reduce((sum, variable) => sum + seconds(service.environment[variable]), 0);
      assert.ok(seconds(service.stop_grace_period) > drain, `${service.stop_grace_period} for ${drain} s`);
    });
  }
}

test('a service without permission to speak plain text would refuse', () => {
  const {environment, secrets} = compose.services['sync-1'];
  const {TOPGUN_ALLOW_PLAINTEXT: permission, ...others} = environment;
  assert.equal(permission, 'grpc,redis');
  const {status, stdout, stderr} = checkConfig('topgun-sync', others, secrets);
  assert.notEqual(status, 0);
  assert.match(stdout + stderr, /plaintext/);
});

// --check-config, with the secrets in a folder instead of /run/secrets.
function checkConfig(target, environment, secrets) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'topgun-compose-'));
  try {
    for (const secret of secrets) writeFileSync(path.join(dir, secret), 'a secret of more than thirty-two bytes');
    const moved = Object.entries(environment).map(([key, value]) => [key, value.replaceAll('/run/secrets', dir)]);
    return spawnSync(path.join(BIN, target), ['--check-config'], {env: Object.fromEntries(moved), encoding: 'utf8', timeout: 30_000});
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
}

test('names, shards and addresses fit together', () => {
  const environments = ours.map(([name, {environment}]) => [name, environment]).filter(([, environment]) => environment);
  for (const [name, environment] of environments) assert.equal(environment.TOPGUN_NAME, name);
  assert.equal(new Set(environments.map(([, {TOPGUN_SHARDS: shards}]) => shards)).size, 1);
  for (const [name, {environment, entrypoint = []}] of ours) {
    const hosts = [...Object.values(environment ?? {}), ...entrypoint].flatMap(hostsOf);
    for (const host of hosts) assert.ok(host in compose.services, `${name}: there is no ${host}`);
  }
  const [, admin] = compose.services.topgunctl.entrypoint.join(' ').match(/--admin=(\S+)/);
  const withAdmin = environments.filter(([, {TOPGUN_ADMIN: address}]) => address).map(([name]) => name);
  assert.deepEqual(admin.split(',').sort(), withAdmin.sort());
});

test('no container may write its image, gain privileges or be reached from other machines', () => {
  for (const [name, service] of services) {
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    for (const port of service.ports ?? []) assert.match(port, /^127\.0\.0\.1:/, name);
  }
});

test('mounted files exist, volumes and secrets are declared', () => {
  for (const [name, service] of services) {
    for (const [source] of (service.volumes ?? []).map((volume) => volume.split(':'))) {
      const found = source.startsWith('.') ? existsSync(path.join(DOCKER, source)) : source in compose.volumes;
      assert.ok(found, `${name}: there is no ${source}`);
    }
    for (const secret of service.secrets ?? []) assert.ok((secret.source ?? secret) in compose.secrets, `${name}: ${secret}`);
  }
  const ignored = ['.gitignore', '.dockerignore'].map((file) => readFileSync(path.join(REPOSITORY, file), 'utf8'));
  for (const text of ignored) assert.match(text, /^\/deploy\/docker\/secrets\/?$/m);
});

test('Prometheus reads every process', () => {
  const prometheus = parse(readFileSync(path.join(DOCKER, 'prometheus.yml'), 'utf8'));
  for (const {job_name: job, static_configs: [{targets}]} of prometheus.scrape_configs) {
    const expected = ours.filter(([, service]) => service.image === `${job}:dev`).map(([name]) => `${name}:9090`);
    assert.deepEqual(targets, expected, job);
  }
  const [pattern] = prometheus.rule_files;
  const mount = compose.services.prometheus.volumes.find((volume) => volume.includes('monitoring/rules'));
  assert.equal(`/etc/prometheus/${path.dirname(pattern)}`, mount.split(':')[1]);
});
