// Settings of a running gateway read again: on SIGHUP and on POST /reload, all or nothing, for connections that are there.
import assert from 'node:assert/strict';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {Service, sign} from '../support/service.mjs';

const OLD_SECRET = 'the secret of tokens before it is rotated';
const NEW_SECRET = 'the secret of tokens after it was rotated';

// Whether the connection is told that it is too fast, with a few frames of ten operations. Once it was, its acks stop at what was lost, so each
// connection is asked once.
async function isLimited(client) {
  const from = client.frames.length;
  let last;
  for (let i = 0; i < 5; ++i) {
    const ops = Array.from({length: 10}, (_, j) => client.put('limited', `k${j}`, i));
    last = Number(ops.at(-1).id);
    client.send({type: 'OP_BATCH', payload: {ops}});
  }
  const {limited} = await until(() => {
    const news = client.frames.slice(from);
    if (news.some(({type, payload}) => type === 'ERROR' && payload.code === 429)) return {limited: true};
    return news.some(({type, payload}) => type === 'OP_ACK' && Number(payload.lastId) >= last) && {limited: false};
  }, 'ERROR 429 or the acks');
  return limited;
}

test('settings read again', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1});
  const dir = mkdtempSync('/tmp/topgun-reload.');
  t.after(() => rmSync(dir, {recursive: true, force: true}));
  const file = path.join(dir, 'gateway.conf');
  const secretFile = path.join(dir, 'jwt');
  const writeConfig = (...lines) => writeFileSync(file, ['# of a test', `jwt-secret-file = ${secretFile}`, ...lines].join('\n'));
  writeFileSync(secretFile, `${OLD_SECRET}\n`);
  writeConfig('ops-burst = 1000');
  const [sync] = await cluster.processes('sync');
  const gateway = await Service.start(t, 'topgun-gateway', [
    '--config', file, '--listen=127.0.0.1:0', `--sync=127.0.0.1:${sync.ports.grpc}`,
    `--shards=${JSON.parse(await (await fetch(`http://127.0.0.1:${sync.ports.admin}/statusz`)).text()).settings.shards}`]);
  const reloads = (outcome) => gateway.metric(`topgun_config_reloads_total{outcome="${outcome}"}`);
  const hangup = async (outcome) => {
    const before = await reloads(outcome);
    gateway.signal('SIGHUP');
    await until(async () => await reloads(outcome) > before, `a reload that is ${outcome}`);
  };
  const reload = async () => {
    const response = await fetch(`${gateway.admin}/reload`, {method: 'POST'});
    return {status: response.status, body: await response.json()};
  };
  const oldToken = sign(OLD_SECRET, {sub: 'alice'});
  const connections = [];
  for (let i = 0; i < 5; ++i) connections.push(await new Client(gateway.url, {token: oldToken}).connect());

  await t.test('a limit takes effect on a connection that is there', async () => {
    assert.equal(await isLimited(connections[0]), false);
    writeConfig('ops-burst = 10', 'ops-per-second = 1');
    await hangup('applied');
    assert.equal(await isLimited(connections[1]), true);
  });

  await t.test('one wrong line refuses the whole file', async () => {
    writeConfig('ops-burst = 1000', 'ops-per-secnd = 20000');
    await hangup('refused');
    assert.match(gateway.output, /gateway\.conf:4: unknown setting ops-per-secnd; did you mean ops-per-second\?/);
    assert.equal(await isLimited(connections[2]), true);
    const {status, body} = await reload();
    assert.equal(status, 400);
    assert.equal(body.outcome, 'refused');
    assert.equal(body.errors.length, 1);
  });

  await t.test('what needs a restart is told and waits', async () => {
    writeConfig('ops-burst = 1000', 'loops = 3');
    const {status, body} = await reload();
    assert.equal(status, 200);
    assert.deepEqual(body.applied.map(({setting, after}) => [setting, after]).sort(), [['ops-burst', '1000'], ['ops-per-second', '20000']]);
    assert.deepEqual(body.restart_needed, [{setting: 'loops', before: '0', after: '3'}]);
    assert.equal(await gateway.metric('topgun_config_restart_pending'), 1);
    assert.deepEqual((await (await fetch(`${gateway.admin}/statusz`)).json()).restart_pending, ['loops']);
    assert.equal(await isLimited(connections[3]), false);
  });

  await t.test('a lower limit of connections refuses new ones', async () => {
    writeConfig('connections-max = 1');
    await hangup('applied');
    await assert.rejects(new Client(gateway.url, {token: oldToken}).connect(), /503/);
    writeConfig('ops-burst = 1000');
    await hangup('applied');
  });

  await t.test('a rotated secret holds for new connections', async () => {
    writeFileSync(secretFile, NEW_SECRET);
    await hangup('applied');
    await new Client(gateway.url, {token: sign(NEW_SECRET, {sub: 'bob'})}).connect();
    const refused = new Client(gateway.url, {token: oldToken});
    refused.connect().catch(() => {});
    await until(() => refused.frames.some(({type}) => type === 'AUTH_FAIL'), 'AUTH_FAIL');
    for (const {timer} of refused.waiters) clearTimeout(timer);
    assert.equal(await isLimited(connections[4]), false, 'who was connected stays');
    assert.ok(!gateway.output.includes(NEW_SECRET) && !gateway.output.includes(OLD_SECRET), 'no secret is logged');
  });
});
