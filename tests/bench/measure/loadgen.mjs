// Running topgun-loadgen, and reading its report.
import {spawn} from 'node:child_process';
import {existsSync, readFileSync, rmSync} from 'node:fs';
import path from 'node:path';

import {root} from './cluster.mjs';

export const program = path.join(root, 'build/release/bin/topgun-loadgen');
const LAST_LINES = 12;

export const EXIT_OK = 0;
export const EXIT_GENERATOR_WAS_BOTTLENECK = 5;

// A started load generator: `pid`, and `finished`, a promise of {exitCode, report, problems}.
export function startLoadgen({cluster, args, reportFile, signal}) {
  rmSync(reportFile, {force: true});
  const urls = cluster.urls.flatMap((url) => ['--url', url]);
  const all = [...urls, '--jwt-secret-file', cluster.secretFile, '--json', reportFile, '--quiet', ...args];
  const child = spawn(program, all, {stdio: ['ignore', 'pipe', 'pipe'], detached: true});
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => output.push(chunk));
  const interrupt = () => child.kill('SIGINT');
  signal?.addEventListener('abort', interrupt, {once: true});
  const finished = new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new Error(`cannot run ${program}: ${error.message}`)));
    child.on('close', (exitCode, killedBy) => {
      signal?.removeEventListener('abort', interrupt);
      const words = Buffer.concat(output).toString();
      if (!existsSync(reportFile)) {
        reject(new Error(`topgun-loadgen ${args.join(' ')} ended with ${killedBy ?? exitCode} and no report:\n${lastLines(words)}`));
        return;
      }
      resolve({exitCode, report: JSON.parse(readFileSync(reportFile, 'utf8')), words: lastLines(words)});
    });
  });
  return {pid: child.pid, finished};
}

function lastLines(text) {
  return text.trim().split('\n').slice(-LAST_LINES).join('\n');
}

// Operations acknowledged in the whole run, warm-up and draining included.
export function ackedOps(report) {
  return Object.values(report.acked_by_level).reduce((sum, count) => sum + count, 0);
}
