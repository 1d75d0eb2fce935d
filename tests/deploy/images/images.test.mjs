// The images of deploy/docker: built by its Dockerfile around the programs of this build, looked at, and run as
// the pods of the dev overlay. Only the stage that compiles is replaced.
import assert from 'node:assert/strict';
import {execFileSync, spawnSync} from 'node:child_process';
import {chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {after, test} from 'node:test';
import {fileURLToPath} from 'node:url';

import {needKubectl, REPOSITORY} from '../kubernetes/kustomize.mjs';
import {debianWith} from './base.mjs';
import {buildImage, DOCKERFILE, removeStore, makeProgramsImage, mountImage, needBuildah} from './buildah.mjs';

needBuildah();
needKubectl();
const {Machine} = await import('../kubernetes/machine.mjs');
const {target} = await import('../kubernetes/targets.mjs');

const BIN = process.env.TOPGUN_BIN ?? path.join(REPOSITORY, 'build/release/bin');
const SERVICES = ['topgun-gateway', 'topgun-sync', 'topgun-storage'];
const IMAGES = [...SERVICES, 'topgun-loadgen', 'topgunctl'];
const PORTS = {
  'topgun-gateway': ['8080', '9090'],
  'topgun-sync': ['9000', '9090'],
  'topgun-storage': ['9000', '9090'],
  'topgun-loadgen': ['7070', '9090'],
  'topgunctl': [],
};
const SIZE_MAX = 80e6;
const ENTER = fileURLToPath(new URL('enter.sh', import.meta.url));
const dockerfile = readFileSync(DOCKERFILE, 'utf8');

removeStore();
makeProgramsImage(debianWith(IMAGES.map((name) => path.join(BIN, name))), BIN, IMAGES);
const images = Object.fromEntries(IMAGES.map((name) => [name, {config: buildImage(name).config, root: mountImage(name)}]));
// With the files of a container that has none.
const files = mkdtempSync(path.join(os.tmpdir(), 'topgun-images-'));
chmodSync(files, 0o755);
after(() => {
  removeStore();
  rmSync(files, {recursive: true, force: true});
});

// The command that runs an image's entry point.
function launch(name, mounted) {
  const {config, root} = images[name];
  mkdirSync(mounted, {recursive: true});
  return ['/usr/bin/unshare', '--mount', '--pid', '--fork', '--kill-child', ENTER, root, config.User, mounted, ...config.Entrypoint];
}

function run(name, ...args) {
  const [command, ...rest] = [...launch(name, files), ...args];
  return spawnSync(command, rest, {encoding: 'utf8', env: {}, timeout: 30_000});
}

const find = (root, ...expression) => execFileSync('find', [root, ...expression], {encoding: 'utf8'}).split('\n').filter(Boolean);

test('the stage that compiles installs what packages.txt lists', () => {
  const commands = dockerfile.match(/^RUN .*(?:\\\n.*)*/gm);
  assert.ok(commands.some((command) => /^RUN \.\/topgun deps build image\b/.test(command)), 'no ./topgun deps build image');
  for (const command of commands) assert.doesNotMatch(command, /apt-get (?!clean)/, 'packages belong into packages.txt');
  // The verb works with no more than the files that the stage has by then.
  const dir = mkdtempSync(path.join(os.tmpdir(), 'topgun-tools-'));
  try {
    const before_deps = dockerfile.slice(dockerfile.indexOf(' AS tools'), dockerfile.indexOf('RUN ./topgun deps'));
    for (const [, list] of before_deps.matchAll(/^COPY (.*)$/gm)) {
      const sources = list.split(' ');
      const to = path.join(dir, sources.pop());
      mkdirSync(to, {recursive: true});
      for (const source of sources) cpSync(path.join(REPOSITORY, source), path.join(to, path.basename(source)));
    }
    const {status, stderr} = spawnSync(path.join(dir, 'topgun'), ['deps', '--list', 'build', 'image'], {encoding: 'utf8'});
    assert.equal(status, 0, stderr);
  } finally {
    rmSync(dir, {recursive: true, force: true});
  }
});

test('there is an image for every program that manifests name', () => {
  const targets = [...dockerfile.matchAll(/^FROM image AS (\S+)$/gm)].map(([, name]) => name);
  assert.deepEqual(targets, IMAGES);
});

for (const name of IMAGES) {
  test(`${name}: says who it is and whom it runs as`, () => {
    const {config} = images[name];
    assert.equal(config.User, '10001:10001');
    assert.deepEqual(config.Entrypoint, [`/usr/bin/${name}`]);
    assert.deepEqual(Object.keys(config.ExposedPorts ?? {}).map((port) => port.replace('/tcp', '')).sort(), PORTS[name]);
    const labels = config.Labels;
    for (const label of ['title', 'description', 'licenses', 'version', 'revision']) {
      assert.ok(labels[`org.opencontainers.image.${label}`], label);
    }
    assert.equal(labels['org.opencontainers.image.title'], name);
    assert.equal(labels['org.opencontainers.image.revision'], 'test');
    const [, version] = readFileSync(path.join(REPOSITORY, 'CMakeLists.txt'), 'utf8').match(/project\(topgun VERSION (\S+)/);
    assert.equal(labels['org.opencontainers.image.version'], version);
  });

  test(`${name}: holds its program, libraries and little else`, (t) => {
    const {root} = images[name];
    const programs = ['bin', 'sbin', 'usr/bin', 'usr/sbin', 'usr/local/bin']
        .flatMap((dir) => { try { return readdirSync(path.join(root, dir)); } catch { return []; } });
    assert.deepEqual(programs, [name], 'no shell and no other program');
    assert.deepEqual(find(root, '-mindepth', '1', '-perm', '/7000'), [], 'setuid, setgid or sticky');
    assert.deepEqual(find(root, '-mindepth', '1', '(', '-not', '-uid', '0', '-o', '-not', '-gid', '0', ')'), [], 'not root\'s');
    assert.deepEqual(find(root, '-mindepth', '1', '-not', '-type', 'l', '-perm', '/022'), [], 'writable for others');
    const size = find(root, '-type', 'f').reduce((sum, file) => sum + statSync(file).size, 0);
    t.diagnostic(`${name}: ${(size / 1e6).toFixed(1)} MB`);
    assert.ok(size < SIZE_MAX, `${size} bytes`);
  });

  test(`${name}: runs as its user, on a root that is read-only`, () => {
    const version = run(name, '--version');
    assert.equal(version.status, 0, version.stderr);
    assert.match(version.stdout, new RegExp(`^${name} \\d`));
    const help = run(name, '--help');
    assert.equal(help.status, 0, help.stderr);
    assert.match(help.stdout, /--version/);
  });
}

for (const name of SERVICES) {
  test(`${name}: tells what is wrong with its settings`, () => {
    const {status, stdout, stderr} = run(name, '--check-config', '--shards=0');
    assert.notEqual(status, 0);
    assert.match(stdout + stderr, /shards/);
  });
}

test('the pods of the dev overlay run from the images', {timeout: 400_000}, async (t) => {
  const objects = [...target('overlays/dev').objects, ...target('overlays/dev-loadgen').objects];
  const machine = await Machine.create(objects, launch);
  try {
    for (const name of [...SERVICES, 'topgun-redis', 'topgun-postgres']) await machine.start(name);
    for (const name of SERVICES) await machine.untilReady(name);

    await t.test('with no privilege', () => {
      for (const name of SERVICES) {
        const status = readFileSync(`/proc/${programOf(machine, name)}/status`, 'utf8');
        assert.match(status, /^Uid:(\t10001){4}$/m);
        assert.match(status, /^Gid:(\t10001){4}$/m);
        assert.match(status, /^Groups:\s*$/m);
        assert.match(status, /^CapEff:\t0+$/m);
        assert.match(status, /^NoNewPrivs:\t1$/m);
      }
    });
    await t.test('the load generator finds everything it was told', async () => {
      const {code, output} = await machine.run('topgun-loadgen');
      assert.equal(code, 0, output);
    });
    await t.test('the doctor is content', async () => {
      const {code, output} = await machine.run('topgun-doctor');
      assert.equal(code, 0, output);
    });
    await t.test('SIGTERM ends each, as the first process of its container', async () => {
      for (const name of SERVICES) process.kill(programOf(machine, name), 'SIGTERM');
      for (const name of SERVICES) assert.equal(await machine.endOf(name), 0, machine.logOf(name));
    });
  } finally {
    await machine.stop();
  }
});

// Its process id out here; inside it is 1.
function programOf(machine, name) {
  const pid = machine.pidOf(name);
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  assert.match(readFileSync(`/proc/${child}/status`, 'utf8'), /^NSpid:\t\d+(\t\d+)*\t1$/m);
  return Number(child);
}
