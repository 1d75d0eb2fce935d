// Several topgun-server calls as one cluster (core.md 2.10 and 8.5): every client is told the same map, whatever it writes through one
// node is there on the others, nodes and what they share may be killed, and nothing stays behind.
import assert from 'node:assert/strict';
import test from 'node:test';

import {Client, until} from '../support/client.mjs';
import {Sandbox} from '../support/server.mjs';

const CLUSTER_PORTS = [12001, 12002, 12003];
const ENV = {STORAGE_BACKEND: 'null', TOPGUN_NO_AUTH: 'true'};
const MAP_PATIENCE_MS = 20_000;

const argsOf = (i, port = 0) => [
  '--node-id', `node-${i}`, '--port', String(port), '--cluster-port', String(CLUSTER_PORTS[i]), '--seed-nodes',
  CLUSTER_PORTS.filter((_, other) => other !== i).map((clusterPort) => `localhost:${clusterPort}`).join(',')];

const mapOf = (client) => client.frames.findLast((frame) => frame.type === 'PARTITION_MAP')?.payload;
const idsOf = (map) => map?.nodes.map((node) => node.nodeId).sort().join(' ');
const ownersOf = (map) => [...new Set(map.partitions.map((partition) => partition.ownerNodeId))].sort().join(' ');

async function mapWith(client, ids, newerThan = 0) {
  return until(() => {
    const map = mapOf(client);
    return map && idsOf(map) === ids && map.version > newerThan && map;
  }, `a map of ${ids} at ${client.url}`, MAP_PATIENCE_MS);
}

let writes = 0;

// Written through one client, seen by a query of another.
async function writtenThere(from, to) {
  const key = `key-${++writes}`;
  await from.write(from.put('shared', key, {n: writes}));
  const rows = await to.query('shared', `q-${writes}`);
  assert.deepEqual(rows.find((row) => row.key === key)?.value, {n: writes});
  to.unsubscribe(`q-${writes}`);
}

test('three servers that start at the same time are one cluster', async (t) => {
  const sandbox = new Sandbox(t);
  const start = (i, port) => sandbox.start(`node-${i}`, argsOf(i, port), ENV);
  const servers = await Promise.all([0, 1, 2].map((i) => start(i)));
  const clients = [];
  const connect = async (i) => {
    clients[i] = await new Client(servers[i].url).connect();
    clients[i].send({type: 'PARTITION_MAP_REQUEST'});
  };
  for (const i of [0, 1, 2]) await connect(i);
  let version = 0;

  await t.test('every client gets the same map of three nodes that own all partitions', async () => {
    const maps = await Promise.all(clients.map((client) => mapWith(client, 'node-0 node-1 node-2')));
    for (const [i, map] of maps.entries()) {
      assert.equal(map.partitionCount, 271);
      assert.deepEqual(map.partitions.map((partition) => partition.partitionId), [...Array(271).keys()]);
      assert.equal(ownersOf(map), 'node-0 node-1 node-2');
      assert.deepEqual(map.partitions, maps[0].partitions);
      // A client takes a server for a node only if the URLs are equal, so they are written like its own.
      for (const node of map.nodes) assert.equal(node.endpoints.websocket, servers[Number(node.nodeId.at(-1))].url, `told by ${i}`);
      version = Math.max(version, map.version);
    }
    for (const server of servers) assert.equal(server.stdout, `PORT=${server.port}\n`);
  });

  await t.test('a write through one node is there on the others', async () => {
    for (const [from, to] of [[0, 1], [1, 2], [2, 0]]) await writtenThere(clients[from], clients[to]);
  });

  await t.test('a node that is stopped leaves at once, and comes back on its port', async () => {
    const {port} = servers[2];
    assert.equal(await servers[2].stop(), 0);
    for (const survivor of [clients[0], clients[1]]) {
      const map = await mapWith(survivor, 'node-0 node-1', version);
      assert.equal(ownersOf(map), 'node-0 node-1');
    }
    await writtenThere(clients[0], clients[1]);
    version = mapOf(clients[0]).version;
    servers[2] = await start(2, port);
    await connect(2);
    for (const client of clients) await mapWith(client, 'node-0 node-1 node-2', version);
    await writtenThere(clients[2], clients[0]);
  });

  // Each of them may be the one that started what they share.
  for (const victim of [0, 1]) {
    await t.test(`node-${victim} is killed: the others go on without it until it is back`, async () => {
      const {port} = servers[victim];
      const survivors = [0, 1, 2].filter((i) => i !== victim);
      version = Math.max(...clients.map((client) => mapOf(client).version));
      await servers[victim].stop('SIGKILL');
      const ids = survivors.map((i) => `node-${i}`).join(' ');
      for (const i of survivors) assert.equal(ownersOf(await mapWith(clients[i], ids, version)), ids);
      await writtenThere(clients[survivors[0]], clients[survivors[1]]);
      version = Math.max(...survivors.map((i) => mapOf(clients[i]).version));
      servers[victim] = await start(victim, port);
      await connect(victim);
      for (const client of clients) await mapWith(client, 'node-0 node-1 node-2', version);
      await writtenThere(clients[victim], clients[survivors[0]]);
    });
  }

  await t.test('what they share is killed: it is started again and nothing is lost', async () => {
    const keeper = sandbox.keeperPid();
    process.kill(keeper, 'SIGKILL');
    await until(() => sandbox.keeperPid() && sandbox.keeperPid() !== keeper, 'another keeper');
    await writtenThere(clients[0], clients[2]);
    const rows = await clients[1].query('shared', 'all');
    assert.equal(rows.length, writes);
  });

  await t.test('after the last one has stopped nothing is left', async () => {
    assert.deepEqual(await Promise.all(servers.map((server) => server.stop())), [0, 0, 0]);
    await until(() => sandbox.processes().length === 0, 'the end of all processes');
    assert.equal(sandbox.keeperPid(), undefined);  // its folder is gone, too
  });
});

test('a cluster that is killed whole leaves nothing and starts anew', async (t) => {
  const sandbox = new Sandbox(t);
  const servers = await Promise.all([0, 1].map((i) => sandbox.start(`node-${i}`, argsOf(i), ENV)));
  const first = await new Client(servers[0].url).connect();
  await first.write(first.put('shared', 'old', 1));
  await Promise.all(servers.map((server) => server.stop('SIGKILL')));
  await until(() => sandbox.processes().length === 0, 'the end of all processes');

  const again = await sandbox.start('node-1', argsOf(1), ENV);
  const client = await new Client(again.url).connect();
  assert.deepEqual(await client.query('shared'), []);  // it was in memory only
  client.send({type: 'PARTITION_MAP_REQUEST'});
  await mapWith(client, 'node-1');
});

test('nodes find each other through any of the ports they name, with Postgres too', async (t) => {
  const sandbox = new Sandbox(t);
  const env = {TOPGUN_NO_AUTH: 'true'};
  const alone = await sandbox.start('alone', ['--port', '0', '--cluster-port', '12011'], env);
  const joining = await sandbox.start('joining', ['--port', '0', '--cluster-port', '12012', '--seed-nodes', '127.0.0.1:12011'], env);
  const clients = await Promise.all([alone, joining].map((server) => new Client(server.url).connect()));
  for (const client of clients) {
    client.send({type: 'PARTITION_MAP_REQUEST'});
    await mapWith(client, 'topgun-server-node-12011 topgun-server-node-12012');
  }
  await writtenThere(clients[0], clients[1]);

  await assert.rejects(sandbox.start('twice', ['--port', '0', '--cluster-port', '12011'], env), /cluster port 12011 is taken/);
  await assert.rejects(sandbox.start('far', ['--port', '0', '--cluster-port', '12013', '--seed-nodes', 'example.org:1'], env),
                       /'example.org' is another machine/);
});
