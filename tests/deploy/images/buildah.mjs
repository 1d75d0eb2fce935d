// Images by Debian's buildah: without an engine, a daemon or a registry, in a store of their own.
import {execFileSync, spawnSync} from 'node:child_process';
import {mkdirSync} from 'node:fs';
import path from 'node:path';

import {REPOSITORY} from '../kubernetes/kustomize.mjs';

export const WORK = path.join(REPOSITORY, 'build/images');
export const DOCKERFILE = path.join(REPOSITORY, 'deploy/docker/Dockerfile');
const PROGRAMS_IMAGE = 'localhost/topgun-programs';

const SKIPPED = 77;  // SKIP_RETURN_CODE in CMakeLists.txt

// Ends the program with the code for "skipped" when images cannot be made here; called before any test is
// declared.
export function needBuildah() {
  const missing = ['buildah', 'debootstrap'].filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0);
  const reason = missing.length > 0 ? `needs ${missing.join(' and ')} (apt-get install ${missing.join(' ')})`
    : process.getuid() !== 0 ? 'needs root: it mounts images and runs programs in them'
    : spawnSync('unshare', ['--mount', '--pid', '--fork', 'true']).status !== 0
      ? 'needs a machine on which unshare can make namespaces for mounts and processes'
    : undefined;
  if (reason === undefined) return;
  console.log(`SKIPPED: making and running the images ${reason}`);
  process.exit(SKIPPED);
}

// Every layer is a whole copy with this driver: it works on any filesystem.
export function buildah(...args) {
  const [verb, ...rest] = args;
  try {
    return execFileSync('buildah', ['--root', path.join(WORK, 'storage'), '--runroot', path.join(WORK, 'run'),
      '--storage-driver', 'vfs', verb, ...rest],
      {encoding: 'utf8', maxBuffer: 64 << 20, env: {...process.env, BUILDAH_ISOLATION: 'chroot'}, stdio: ['ignore', 'pipe', 'pipe']}).trim();
  } catch (error) {
    throw new Error(`buildah ${args.join(' ')}: ${error.stdout ?? ''}${error.stderr ?? error.message}`);
  }
}

// What the stage `compile` would be: a Debian with libraries, and the programs of this build, stripped alike.
export function makeProgramsImage(base, bin, names) {
  const container = buildah('from', 'scratch');
  const root = buildah('mount', container);
  execFileSync('cp', ['--archive', `${base}/.`, root]);
  mkdirSync(path.join(root, 'programs'));
  for (const name of names) execFileSync('strip', ['--strip-debug', '-o', path.join(root, 'programs', name), path.join(bin, name)]);
  buildah('commit', '--rm', container, PROGRAMS_IMAGE);
}

export function buildImage(target) {
  buildah('build', '--layers', '--pull-never', '--network', 'none', '--file', DOCKERFILE, '--target', target, '--tag', `localhost/${target}:test`,
    '--build-arg', `PROGRAMS=${PROGRAMS_IMAGE}`, '--build-arg', 'REVISION=test', REPOSITORY);
  return JSON.parse(buildah('inspect', '--type', 'image', `localhost/${target}:test`)).OCIv1;
}

// The files of an image, as a folder that may be changed.
export function mountImage(target) {
  return buildah('mount', buildah('from', '--pull-never', `localhost/${target}:test`));
}

// The store is made anew by each run: what it holds may be of other sources.
export function removeStore() {
  mkdirSync(WORK, {recursive: true});
  for (const name of ['storage', 'run']) execFileSync('rm', ['-rf', '--one-file-system', path.join(WORK, name)]);
}
