// Batches that are acknowledged at a level of core.md 5.6, and what somebody who was not there finds of them.
import assert from 'node:assert/strict';

import {Client, until} from './client.mjs';

export const OPS = 100;

// Sends puts as one batch; resolves with the level of each that it reached, by op id.
export async function writeOps(client, ops, writeConcern) {
  const levels = new Map();
  const onAck = ({type, payload}) => {
    if (type !== 'OP_ACK') return;
    for (const {opId, success, achievedLevel} of payload.results ?? []) levels.set(opId, success ? achievedLevel : 'refused');
    for (const {id} of ops) {
      if (Number(id) <= Number(payload.lastId) && !levels.has(id)) levels.set(id, payload.achievedLevel);
    }
  };
  client.onFrame(onAck);
  client.send({type: 'OP_BATCH', payload: {ops, writeConcern, timeout: 20_000}});
  await until(() => levels.size === ops.length, `the acks of ${ops.length} ops`);
  client.handlers.delete(onAck);
  return levels;
}

// Writes a batch at a level; resolves with the rows it acknowledged. Every op must have reached the expected level, in `results` or by `lastId`.
export async function write(client, mapName, writeConcern, expected = writeConcern) {
  const ops = Array.from({length: OPS}, (_, i) => client.put(mapName, `k${i}`, {i, writeConcern}));
  for (const [id, level] of await writeOps(client, ops, writeConcern)) assert.equal(level, expected, `op ${id} of ${mapName}`);
  return new Map(ops.map(({key, record}) => [key, record.value]));
}

// Somebody who was not there reads the map, from a gateway that answers.
export async function read(cluster, mapName, gateway = 0) {
  return until(async () => {
    try {
      const reader = await new Client((await cluster.urls())[gateway], {token: cluster.token}).connect();
      const rows = await reader.query(mapName);
      await reader.close();
      return new Map(rows.map(({key, value}) => [key, value]));
    } catch {
      return undefined;  // the gateway is being started again
    }
  }, `a reader of ${mapName}`, 60_000);
}

// From the last gateway that there is.
export async function connect(cluster) {
  return until(async () => {
    const urls = await cluster.urls();
    return new Client(urls[urls.length - 1], {token: cluster.token}).connect().catch(() => undefined);
  }, 'a gateway');
}
