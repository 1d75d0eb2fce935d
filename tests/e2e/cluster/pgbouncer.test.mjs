// Postgres behind PgBouncer in transaction mode: every transaction may meet another session, and the pooler may go away.
import assert from 'node:assert/strict';
import test from 'node:test';

import {until} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {OPS, connect, read, write} from '../support/levels.mjs';
import {PooledPostgres} from '../support/pooled_postgres.mjs';

test('Persistence, loading and leases work through a transaction pooler that is restarted', async (t) => {
  // Two storage services want three connections each.
  const postgres = await PooledPostgres.start(t, {connections: 3});
  const cluster = await Cluster.start(t, {postgres: postgres.dsn});
  const client = await connect(cluster);
  const stored = async (mapName) => Number((await postgres.sql(`SELECT count(*) FROM topgun.records WHERE map = '${mapName}'`))[0][0]);
  const written = {first: await write(client, 'first', 'PERSISTED')};
  assert.equal(await stored('first'), OPS);
  const [[sessions]] = await postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
  assert.ok(Number(sessions) <= 3, `${sessions} sessions for six connections`);

  await t.test('the pooler is restarted', async () => {
    await postgres.killPooler();
    written.meanwhile = await write(client, 'meanwhile', 'APPLIED');
    await postgres.startPooler();
    await until(async () => await stored('meanwhile') === OPS, 'what was written meanwhile');
    written.after = await write(client, 'after', 'PERSISTED');
  });

  await t.test('Redis is emptied', async () => {
    cluster.redis('FLUSHALL');
    for (const [mapName, rows] of Object.entries(written)) assert.deepEqual(await read(cluster, mapName), rows, mapName);
  });

  await t.test('the shards of a storage service pass to another one', async () => {
    const owners = async () => (await postgres.sql('SELECT DISTINCT owner FROM topgun.leases WHERE held_until > now()')).flat();
    await until(async () => (await owners()).length === 2, 'both to own shards');
    await cluster.signal('storage-0', 'SIGSTOP');
    await until(async () => (await owners()).join() === 'storage-1', 'the other one to own all');
    written.handed = await write(client, 'handed', 'PERSISTED');
    assert.equal(await stored('handed'), OPS);
    await cluster.signal('storage-0', 'SIGCONT');
    await until(async () => (await owners()).length === 2, 'both to own shards again');
    written.last = await write(client, 'last', 'PERSISTED');
    for (const [mapName, rows] of Object.entries(written)) assert.deepEqual(await read(cluster, mapName, 1), rows, mapName);
  });

  await client.close();
});
