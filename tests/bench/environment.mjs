// What a report must say about where its figures come from.
import {execFileSync} from 'node:child_process';
import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import {root} from './measure/cluster.mjs';

const PROGRAMS = ['topgun-gateway', 'topgun-sync', 'topgun-storage', 'topgun-loadgen'];

export function describeMachine() {
  return {
    cpu: os.cpus()[0]?.model ?? 'unknown',
    cores: os.cpus().length,
    memoryBytes: os.totalmem(),
    kernel: os.release().split('-')[0],
    system: osName(),
  };
}

export function describeVersions() {
  return {
    topgun: output('git', ['-C', root, 'describe', '--always', '--dirty', '--tags']),
    programs: programsDigest(),
    redis: /v=(\S+)/.exec(output('redis-server', ['--version']))?.[1] ?? 'unknown',
    postgres: output('/usr/lib/postgresql/15/bin/postgres', ['--version']).split(' ')[2],
    node: process.versions.node,
  };
}

// Changes with every build that differs: runs of different programs must not be mixed.
export function programsDigest() {
  const hash = createHash('sha256');
  for (const program of PROGRAMS) hash.update(readFileSync(path.join(root, 'build/release/bin', program)));
  return hash.digest('hex').slice(0, 12);
}

function osName() {
  try {
    return /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? os.type();
  } catch {
    return os.type();
  }
}

function output(program, args) {
  try {
    return execFileSync(program, args, {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']}).trim();
  } catch {
    return 'unknown';
  }
}
