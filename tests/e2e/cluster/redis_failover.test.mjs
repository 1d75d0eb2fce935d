// A Redis primary with a replica: the primary dies and the replica takes over, found through a Sentinel or behind an address that moves.
// What was acknowledged as REPLICATED or PERSISTED is there, whatever else the replica lacks.
import assert from 'node:assert/strict';
import test from 'node:test';

import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {connect, read, write} from '../support/levels.mjs';
import {Link} from '../support/link.mjs';
import {RedisServers, persisted} from '../support/redis_servers.mjs';

const SHARDS = 4;

async function primaryWithReplica(servers) {
  const primary = await servers.start();
  const replica = await servers.start('--replicaof', '127.0.0.1', String(primary.port));
  await until(async () => (await primary.cli('INFO', 'replication')).includes('state=online'), 'the replica');
  return {primary, replica};
}

async function expectEverywhere(cluster, written) {
  for (const gateway of [0, 1]) {
    for (const [mapName, rows] of Object.entries(written)) assert.deepEqual(await read(cluster, mapName, gateway), rows, `${mapName} at gateway ${gateway}`);
  }
}

test('A Sentinel promotes the replica; the old primary comes back as a replica', async (t) => {
  const servers = new RedisServers(t);
  const {primary, replica} = await primaryWithReplica(servers);
  const sentinel = await servers.startSentinel('main', primary);
  const cluster = await Cluster.start(t, {redis: sentinel.address, env: {TOPGUN_REDIS_SENTINEL: 'main', TOPGUN_REDIS_REPLICAS: '1'}});
  const client = await connect(cluster);
  const written = {replicated: await write(client, 'replicated', 'REPLICATED')};
  written.persisted = await write(client, 'persisted', 'PERSISTED');
  // Nothing is between the last of these acks and the end of the primary.
  written.last = await write(client, 'last', 'REPLICATED');
  await primary.kill();
  // Nobody confirms until there is a replica again: Postgres takes its place.
  written.after = await write(client, 'after', 'REPLICATED', 'PERSISTED');
  assert.ok(await replica.isPrimary());
  await expectEverywhere(cluster, written);
  await persisted([replica], SHARDS);

  primary.args.push('--replicaof', '127.0.0.1', String(replica.port));
  await primary.start();
  await until(async () => (await replica.cli('INFO', 'replication')).includes('state=online'), 'the old primary to follow');
  written.again = await until(() => write(client, 'again', 'REPLICATED').catch(() => undefined), 'the old primary to confirm', 60_000);
  await expectEverywhere(cluster, written);
  await client.close();
});

test('Behind an address that moves: what the promoted replica lacks comes back from Postgres', async (t) => {
  const servers = new RedisServers(t);
  const {primary, replica} = await primaryWithReplica(servers);
  const service = await Link.to(t, `redis://${primary.address}`);
  const address = `127.0.0.1:${service.server.address().port}`;
  const cluster = await Cluster.start(t, {redis: address, env: {TOPGUN_REDIS_REPLICAS: '1'}});
  const client = await connect(cluster);
  const written = {replicated: await write(client, 'replicated', 'REPLICATED')};
  // From here on the replica hears nothing more.
  await replica.cli('REPLICAOF', 'NO', 'ONE');
  written.persisted = await write(client, 'persisted', 'PERSISTED');
  written.fallback = await write(client, 'fallback', 'REPLICATED', 'PERSISTED');
  const lacking = await replica.metas();
  await primary.kill();
  service.cut();
  service.target = new URL(`redis://${replica.address}`);
  service.repair();
  await expectEverywhere(cluster, written);
  written.after = await write(client, 'after', 'PERSISTED');
  await expectEverywhere(cluster, written);
  await persisted([replica], SHARDS);
  for (const [key, {inc}] of await replica.metas()) assert.ok(Number(inc) > Number(lacking.get(key).inc), `${key} was opened anew`);
  await client.close();
});
