// The MUSTs of core.md 13 that need a client which remembers: it parks, waits for a server, sits through an outage, and all it wrote arrives.
import assert from 'node:assert/strict';
import net from 'node:net';
import test from 'node:test';

import {contentOf} from '../support/actors.mjs';
import {Client, until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {readRoot, walk} from '../support/merkle_walk.mjs';
import {TopGunClient} from '../support/topgun_client.mjs';

// A port that nobody listens on, below those the system hands out by itself.
async function freePort() {
  for (let port = 20_000 + process.pid % 10_000;; port++) {
    const server = net.createServer();
    const isFree = await new Promise((resolve) => server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)));
    await new Promise((resolve) => isFree ? server.close(resolve) : resolve());
    if (isFree) return port;
  }
}

test('core.md 13 for clients that stay', async (t) => {
  const cluster = await Cluster.start(t, {gateways: 1, sync: 1, storage: 1, port: await freePort()});
  const [url] = await cluster.urls();
  const settled = (client) => until(() => client.ready && client.log.pending.size === 0, `the acks of ${client.nodeId}`, 60_000);

  await t.test('device-identity: a client without a token parks, then authenticates on the same connection (2.1)', async () => {
    const client = new TopGunClient({nodeId: 'parked'});
    client.put('parked', 'k', 1);
    client.online(url);
    await until(() => client.state === 'PARKED', 'the client to park');
    client.connection.setToken(cluster.token);
    await settled(client);
    assert.deepEqual(client.connection.closes, []);
    client.offline();
  });

  await t.test('reconnect: a client that started before the server ends up connected, and what it wrote arrives (2.8)', async () => {
    await cluster.down();
    const client = new TopGunClient({token: cluster.token, nodeId: 'early'});
    client.put('early', 'k', 'written before the server was there');
    client.online(url);
    await until(() => client.connection.attempt > 1, 'some attempts');
    await cluster.up();
    await settled(client);
    assert.deepEqual((await read('early')).map(([key]) => key), ['k']);
    client.offline();
  });

  await t.test('reconnect: killed and back on the same port, pending writes arrive and are Merkle-visible (2.8)', async () => {
    const client = new TopGunClient({token: cluster.token, nodeId: 'patient'});
    const query = client.watch('patient');
    client.lww('patient');
    client.put('patient', 'before', 1);
    client.online(url);
    await settled(client);
    for (let round = 0; round < 3; round++) {
      const closes = client.connection.closes.length;
      await cluster.signal('gateway-0');
      await until(() => client.connection.closes.length > closes, 'the end of the connection');
      client.put('patient', `during ${round}`, round);
      await settled(client);
    }
    const values = {'before': 1, 'during 0': 0, 'during 1': 1, 'during 2': 2};
    assert.deepEqual(Object.fromEntries(await read('patient')), values);
    assert.deepEqual(contentOf(client.lww('patient')), values);
    await until(() => query.settled && query.rows.size === 4, 'the live query to be back');
    client.offline();
  });

  async function read(mapName) {
    const reader = await new Client(url, {token: cluster.token}).connect();
    assert.notEqual((await readRoot(reader, 'lww', mapName)).rootHash, 0);
    const records = await walk(reader, 'lww', mapName);
    await reader.close();
    return records.map(({key, record}) => [key, record.value]);
  }
});
