// `./topgun profile bubble` and `doctor` on a real cluster under load.
import assert from 'node:assert/strict';
import {execFile} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';

import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const topgun = fileURLToPath(new URL('../../../topgun', import.meta.url));
const LOAD = '--connections 4 --batch 10 --rate 2k --subscribers 2';

// Unlike Cluster.topgun(): what it printed, also when it failed.
function profile(cluster, ...args) {
  return new Promise((resolve) => {
    execFile(topgun, ['profile', ...args, '--data', cluster.dir], {maxBuffer: 1 << 26}, (error, stdout, stderr) => {
      resolve({code: error?.code ?? 0, stdout, stderr});
    });
  });
}

test('bubble follows writes through every stage, doctor finds what was provoked', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1});

  await t.test('bubble', async () => {
    const html = path.join(cluster.dir, 'waits.html');
    const {code, stdout, stderr} = await profile(cluster, 'bubble', '--load', LOAD, '--seconds', '4', '--every', '2', '--out', html, '--json');
    assert.equal(code, 0, stderr);
    const report = JSON.parse(stdout);
    const counts = Object.fromEntries(report.sections.map(({key, hops}) => [key, Object.fromEntries(hops.map(({key: hop, count}) => [hop, count]))]));
    const frame = ['decode', 'append', 'lane', 'toSync', 'syncLoop', 'turn', 'merge', 'commit', 'settle', 'toGateway', 'gatewayLoop', 'order', 'write'];
    for (const hop of frame) assert.ok(counts.frames[hop] > 0, `frames: ${hop}`);
    for (const hop of ['watch', 'eventLoop', 'encode', 'push']) assert.ok(counts.events[hop] > 0, `events: ${hop}`);
    for (const hop of ['feed', 'flush', 'publish']) assert.ok(counts.persists[hop] > 0, `persists: ${hop}`);
    const page = readFileSync(html, 'utf8');
    assert.match(page, /class="fall"/);
    assert.match(page, /commit: to Redis/);
  });

  await t.test('doctor on a healthy cluster', async () => {
    // Right after load, or while the machine does other things, it may find some.
    let healthy;
    await until(async () => (healthy = await profile(cluster, 'doctor', '--seconds', '2', '--json')).code === 0, 'a healthy cluster');
    const {findings, facts} = JSON.parse(healthy.stdout);
    assert.deepEqual(findings.filter(({severity}) => severity === 'problem'), []);
    assert.ok(facts.postgres.connections > 0);
    assert.ok(facts.redis.commandsPerS > 0);
  });

  await t.test('doctor while Postgres stands still', async () => {
    await cluster.signal('postgres', 'SIGSTOP');
    t.after(() => cluster.signal('postgres', 'SIGCONT'));
    const {code, stdout} = await profile(cluster, 'doctor', '--seconds', '2');
    assert.equal(code, 1);
    assert.match(stdout, /PROBLEM {2}postgres-answers/);
    await cluster.signal('postgres', 'SIGCONT');
    await until(async () => (await profile(cluster, 'doctor', '--seconds', '2')).code === 0, 'a healthy cluster');
  });
});
