// ./topgun profile on a real cluster under load: the figures come from our processes and name our functions.
import assert from 'node:assert';
import {execFile, spawn} from 'node:child_process';
import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import {promisify} from 'node:util';
import {gunzipSync} from 'node:zlib';

import {Profile} from 'pprof-format';

import {until} from '../support/client.mjs';
import {Cluster, topgun} from '../support/cluster.mjs';

const run = promisify(execFile);
const OURS = {gateway: 'topgun::gateway::', sync: 'topgun::sync::', storage: 'topgun::storage::'};

function profile(cluster, mode, ...args) {
  return run(topgun, ['profile', mode, '--data', cluster.dir, ...args], {maxBuffer: 1 << 26});
}

// Writes with many maps and keys, so that every process has something to do.
function startLoad(t, cluster) {
  const load = spawn(topgun, ['load', '--data', cluster.dir, '--duration', '120s', '--connections', '8'], {stdio: 'ignore'});
  const ended = new Promise((resolve) => load.once('exit', resolve));
  t.after(async () => {
    load.kill('SIGKILL');
    await ended;
  });
}

async function ask(process, target, init) {
  const response = await fetch(`http://127.0.0.1:${process.ports.admin}${target}`, init);
  return {status: response.status, bytes: Buffer.from(await response.arrayBuffer())};
}

// Function names of a profile as an independent decoder reads them.
function decode(bytes) {
  const decoded = Profile.decode(gunzipSync(bytes));
  const text = (index) => decoded.stringTable.strings[Number(index)];
  return {
    types: decoded.sampleType.map(({type}) => text(type)),
    functions: decoded.function.map(({name}) => text(name)),
    files: decoded.function.map(({filename}) => text(filename)),
    total: (type) => {
      const index = decoded.sampleType.findIndex((it) => text(it.type) === type);
      return decoded.sample.reduce((sum, {value}) => sum + Number(value[index]), 0);
    },
  };
}

test('profile', {timeout: 400_000}, async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1});
  startLoad(t, cluster);
  const services = (await cluster.ps()).filter(({role}) => OURS[role]);
  const gateway = services.find(({role}) => role === 'gateway');
  await until(async () => {
    const text = (await ask(gateway, '/metrics')).bytes.toString();
    return Number(/^gateway_ops_total\{outcome="applied"\} (\d+)/m.exec(text)?.[1] ?? 0) > 1000;
  }, 'the load');

  await t.test('a profile of every process, as other readers see it', async () => {
    const answers = await Promise.all(services.map((service) => ask(service, '/debug/pprof/profile?seconds=1')));
    answers.forEach(({status, bytes}, i) => {
      assert.strictEqual(status, 200, bytes.toString());
      const {types, functions, files, total} = decode(bytes);
      assert.deepStrictEqual(types, ['samples', 'cpu']);
      assert.ok(total('cpu') > 0);
      assert.strictEqual(total('cpu'), total('samples') * 10_000_000);
      const {role} = services[i];
      assert.ok(functions.some((name) => name.startsWith(OURS[role])), `${role}: ${functions}`);
      assert.ok(files.some((file) => file.includes(`${role}${role === 'gateway' ? '' : '-service'}/`)), `${files}`);
    });
  });

  await t.test('the heap, sampled', async () => {
    for (const service of services) {
      const {status, bytes} = await ask(service, '/debug/pprof/heap');
      assert.strictEqual(status, 200, bytes.toString());
      assert.deepStrictEqual(decode(bytes).types, ['inuse_objects', 'inuse_space']);
      // About one in 512 KiB is sampled: a young process may live without any of those for a while.
      await until(async () => {
        const {functions, total} = decode((await ask(service, '/debug/pprof/heap')).bytes);
        return total('inuse_space') > 0 && functions.some((name) => name.startsWith('topgun::'));
      }, `a sample of ${service.name}`);
    }
  });

  await t.test('cpu', async () => {
    const {stdout} = await profile(cluster, 'cpu', '--seconds', '1', '--process', 'gateway');
    assert.match(stdout, /== gateway-0 \(pid \d+\): \S+ of CPU in 1\.\d s/);
    assert.match(stdout, /loop-0/);
    assert.match(stdout, /topgun::gateway::/);
    assert.match(stdout, /redis \(pid \d+\): \S+ s of CPU meanwhile/);
    assert.doesNotMatch(stdout, /== sync-0/);
  });

  await t.test('flame', async (t) => {
    const out = mkdtempSync('/tmp/topgun-e2e.');
    t.after(() => rmSync(out, {recursive: true}));
    await profile(cluster, 'flame', '--seconds', '1', '--out', out);
    assert.deepStrictEqual(readdirSync(out).sort(), ['cluster.html', 'gateway-0.html', 'storage-0.html', 'sync-0.html']);
    const page = readFileSync(path.join(out, 'cluster.html'), 'utf8');
    for (const functions of Object.values(OURS)) assert.ok(page.includes(functions), functions);
    assert.doesNotMatch(page, /(src|href)=/); // nothing from elsewhere
  });

  await t.test('heap', async () => {
    const {stdout} = await profile(cluster, 'heap', '--diff', '1');
    for (const {name} of services) assert.match(stdout, new RegExp(`== ${name} \\(allocated .*grown within 1 s`));
  });

  await t.test('inspect', async () => {
    const {stdout} = await profile(cluster, 'inspect', '--settings', '--threads');
    assert.match(stdout, /connections open 8/);
    assert.match(stdout, /shard .*in_flight_parts/);
    assert.match(stdout, /\n\nconnections\n +connection +address +client .*slow consumer/);
    assert.match(stdout, /\n +\d+\.\d+\.\d+ +127\.0\.0\.1 +\S+ +(idle|writing|paused) /);
    const few = (await profile(cluster, 'inspect', '--process', 'gateway', '--connections', '2')).stdout;
    assert.match(few, /connections \(6 not shown\)\n.*\n.*127\.0\.0\.1.*\n.*127\.0\.0\.1.*\n(?!.*127)/);
    assert.match(stdout, /redis = unix:/);
    assert.match(stdout, /jwt-secret = \*\*\*/);
    assert.match(stdout, new RegExp(`gateway-0 +gdb -p ${gateway.pid}`));
    const stacks = (await profile(cluster, 'inspect', '--stacks', '--process', 'gateway')).stdout;
    assert.match(stacks, /loop-0 \(\d+\)\n(.+\n)+.*gateway\/loop\.cc/);
    const byName = JSON.parse((await profile(cluster, 'inspect', '--json')).stdout);
    assert.strictEqual(byName['gateway-0'].connections.length, 8);
    for (const {address, state, backlog, queued_bytes, unacked_ops} of byName['gateway-0'].connections) {
      assert.strictEqual(address, '127.0.0.1');
      assert.match(`${state} ${backlog}`, /^(idle|writing|paused) (none|coalescing|slow)$/);
      assert.ok(queued_bytes >= 0 && unacked_ops >= 0);
    }
    const loops = Object.values(byName['sync-0'].sections);
    assert.strictEqual(loops.reduce((sum, {shards}) => sum + shards.length, 0), 4);
    assert.deepStrictEqual(byName['storage-0'].silent, []);
  });

  await t.test('the log level changes what is logged', async () => {
    await profile(cluster, 'inspect', '--process', 'sync', '--set-log-level', 'error');
    const levels = JSON.parse((await profile(cluster, 'inspect', '--json')).stdout);
    assert.strictEqual(levels['sync-0'].log_level, 'error');
    assert.strictEqual(levels['gateway-0'].log_level, 'info');
    await assert.rejects(profile(cluster, 'inspect', '--set-log-level', 'loud'), /unknown log level/);
  });

  await t.test('errors say what to do', async () => {
    await assert.rejects(profile(cluster, 'cpu', '--process', 'gatway'), /no process 'gatway'/);
    await assert.rejects(profile(cluster, 'cpu', '--seconds', '61'), /1 to 60/);
    await assert.rejects(profile({dir: `${cluster.dir}/nothing`}, 'cpu'), /no cluster is ready/);
    await assert.rejects(profile(cluster, 'brain'), /no mode 'brain'/);
  });
});

test('endpoints that are off', {timeout: 120_000}, async (t) => {
  const cluster = await Cluster.start(t, {
    gateways: 1, sync: 1, storage: 1, env: {TOPGUN_DEBUG_ENDPOINTS: 'false'},
  });
  const [gateway] = (await cluster.ps()).filter(({role}) => role === 'gateway');
  const {status, bytes} = await ask(gateway, '/debug/pprof/profile?seconds=1');
  assert.strictEqual(status, 404);
  assert.match(bytes.toString(), /--debug-endpoints/);
  await assert.rejects(profile(cluster, 'cpu', '--seconds', '1'), /--debug-endpoints/);
});
