// What survives what (docs/durability.md): writes are acknowledged at a level, something dies at once, and everything that was acknowledged must
// still be there.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {rmSync} from 'node:fs';
import {createServer} from 'node:net';
import test from 'node:test';

import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {connect, read, write} from '../support/levels.mjs';

for (const level of ['APPLIED', 'PERSISTED']) {
  test(`Every gateway, sync or storage process is killed after ${level}`, async (t) => {
    const cluster = await Cluster.start(t);
    for (const role of ['gateway', 'sync', 'storage']) {
      const client = await connect(cluster);
      const mapName = `${role}-${level}`;
      const rows = await write(client, mapName, level);
      for (const {name} of await cluster.processes(role)) await cluster.signal(name);
      assert.deepEqual(await read(cluster, mapName), rows, `${role} killed`);
      await client.close();
    }
  });

  test(`Redis is killed after ${level} and finds its append-only file`, async (t) => {
    const cluster = await Cluster.start(t);
    const client = await connect(cluster);
    const rows = await write(client, 'm', level);
    await cluster.signal('redis');
    assert.deepEqual(await read(cluster, 'm'), rows);
    const more = await write(client, 'more', level);
    assert.deepEqual(await read(cluster, 'more'), more, 'writing goes on');
    await client.close();
  });
}

test('Redis is emptied after PERSISTED', async (t) => {
  const cluster = await Cluster.start(t);
  const client = await connect(cluster);
  const rows = await write(client, 'm', 'PERSISTED');
  cluster.redis('FLUSHALL');
  assert.deepEqual(await read(cluster, 'm'), rows);
  const more = await write(client, 'more', 'PERSISTED');
  assert.deepEqual(await read(cluster, 'more'), more, 'writing goes on under the next incarnation');
  await client.close();
});

test('Redis is killed and loses its file after PERSISTED', async (t) => {
  const cluster = await Cluster.start(t);
  const client = await connect(cluster);
  const rows = await write(client, 'm', 'PERSISTED');
  const appendOnlyFiles = cluster.find('appendonlydir');
  await cluster.signal('redis', 'SIGSTOP');
  rmSync(appendOnlyFiles, {recursive: true});
  await cluster.signal('redis');
  assert.deepEqual(await read(cluster, 'm'), rows);
  await client.close();
});

test('Postgres stops: PERSISTED waits for it, APPLIED does not', async (t) => {
  const cluster = await Cluster.start(t);
  const client = await connect(cluster);
  await write(client, 'before', 'PERSISTED');
  await cluster.signalFamily('postgres', 'SIGSTOP');
  const waiting = write(client, 'waiting', 'PERSISTED');
  let answered = false;
  waiting.then(() => { answered = true; }, () => { answered = true; });
  const other = await connect(cluster);
  const applied = await write(other, 'applied', 'APPLIED');
  assert.equal(answered, false, 'nothing is persisted while Postgres is stopped');
  assert.deepEqual(await read(cluster, 'applied'), applied);
  await cluster.signalFamily('postgres', 'SIGCONT');
  const rows = await waiting;
  await cluster.persisted();
  cluster.redis('FLUSHALL');
  assert.deepEqual(await read(cluster, 'waiting'), rows);
  assert.deepEqual(await read(cluster, 'applied'), applied);
  await client.close();
  await other.close();
});

test('Postgres is killed and recovers: what was PERSISTED is there without Redis', async (t) => {
  const cluster = await Cluster.start(t);
  const client = await connect(cluster);
  const rows = await write(client, 'm', 'PERSISTED');
  await cluster.signal('postgres', 'SIGQUIT');
  const after = await write(client, 'after', 'PERSISTED');
  cluster.redis('FLUSHALL');
  assert.deepEqual(await read(cluster, 'm'), rows);
  assert.deepEqual(await read(cluster, 'after'), after);
  await client.close();
});

// A second Redis that follows the cluster's one, which gets a port for it.
async function startReplica(t, cluster) {
  const port = await new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const {port: free} = server.address();
      server.close(() => resolve(free));
    });
  });
  cluster.redis('CONFIG', 'SET', 'port', String(port));
  const replica = spawn('redis-server', ['--port', '0', '--unixsocket', `${cluster.dir}/replica.sock`, '--save', '', '--dir', cluster.dir,
                                         '--replicaof', '127.0.0.1', String(port)], {stdio: 'ignore'});
  t.after(() => replica.kill('SIGKILL'));
  await until(() => cluster.redis('INFO', 'replication').includes('state=online'), 'the replica');
  return replica;
}

test('REPLICATED is confirmed by a replica of Redis; when that says nothing, persistence takes its place', async (t) => {
  const cluster = await Cluster.start(t, {env: {TOPGUN_REDIS_REPLICAS: '1'}});
  const client = await connect(cluster);
  const replica = await startReplica(t, cluster);
  const first = await write(client, 'first', 'REPLICATED');
  replica.kill('SIGSTOP');
  const second = await write(client, 'second', 'REPLICATED', 'PERSISTED');
  const third = await write(client, 'third', 'APPLIED');
  replica.kill('SIGCONT');
  const fourth = await write(client, 'fourth', 'REPLICATED');
  for (const [mapName, rows] of Object.entries({first, second, third, fourth})) assert.deepEqual(await read(cluster, mapName), rows);
  await client.close();
});
