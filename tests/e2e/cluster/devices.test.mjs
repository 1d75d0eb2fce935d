// Device identities (core.md 2.5): issued once, recognised at every gateway and after everything has been restarted.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';

const tokenForm = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\.[0-9a-f]{64}$/;

// The device fields of the AUTH_ACK or DEVICE_ACK that a new connection gets.
async function identify(url, {token, deviceToken} = {}) {
  const client = await until(() => new Client(url, {token, deviceToken}).connect().catch(() => undefined), `a connection to ${url}`);
  const {deviceId, deviceToken: minted} = client.frames.find(({type}) => type === 'AUTH_ACK' || type === 'DEVICE_ACK');
  await client.close();
  return {deviceId, minted};
}

async function minted(url, options) {
  const identity = await identify(url, options);
  assert.match(identity.minted, tokenForm);
  assert.ok(identity.minted.startsWith(`${identity.deviceId}.`));
  return identity;
}

test('a user keeps the identity of a device', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const {token} = cluster;
  const device = await minted(first, {token});
  const known = {deviceId: device.deviceId, minted: undefined};

  await t.test('at every gateway', async () => {
    for (const url of [first, second]) assert.deepEqual(await identify(url, {token, deviceToken: device.minted}), known);
  });

  await t.test('not as another user, and not without the secret', async () => {
    const other = (await cluster.topgun('token', '--sub', 'somebody-else')).trim();
    assert.notEqual((await minted(first, {token: other, deviceToken: device.minted})).deviceId, device.deviceId);
    const forged = `${device.deviceId}.${'0'.repeat(64)}`;
    assert.notEqual((await minted(first, {token, deviceToken: forged})).deviceId, device.deviceId);
  });

  await t.test('after a restart of the gateways, Redis and the sync services', async () => {
    await cluster.persisted();
    const killed = await cluster.processes('gateway', 'redis', 'sync');
    assert.equal(killed.length, 5);
    for (const {name} of killed) await cluster.signal(name);
    // Without its store a gateway lets clients in without an identity.
    await until(async () => (await identify(first, {token, deviceToken: device.minted})).deviceId, 'the store to be back');
    for (const url of [first, second]) assert.deepEqual(await identify(url, {token, deviceToken: device.minted}), known);
  });

  await t.test('after the loss of Redis', async () => {
    await cluster.persisted();
    cluster.redis('FLUSHALL');
    await until(async () => (await identify(first, {token, deviceToken: device.minted})).deviceId, 'the store to be back');
    assert.deepEqual(await identify(second, {token, deviceToken: device.minted}), known);
  });
});

test('an anonymous device is known by DEVICE_HELLO', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 2, sync: 1, storage: 1, env: {TOPGUN_NO_AUTH: 'true'}});
  const [first, second] = await cluster.urls();
  const device = await minted(first);
  assert.deepEqual(await identify(second, {deviceToken: device.minted}), {deviceId: device.deviceId, minted: undefined});
});

test('authentication does not wait for a store that is away', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1});
  const [url] = await cluster.urls();
  await cluster.signal('sync-0', 'SIGSTOP');
  try {
    assert.deepEqual(await identify(url, {token: cluster.token}), {deviceId: undefined, minted: undefined});
  } finally {
    await cluster.signal('sync-0', 'SIGCONT');
  }
});
