// Every Merkle conversation of the contract (merkle.json) with a real gateway: the client says what the vector's client says, the cluster has
// to answer what the vector's server answers, byte for byte the same hashes and records; afterwards both hold what the vector says.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import test from 'node:test';

import {Client} from '../support/client.mjs';
import {Cluster} from '../support/cluster.mjs';
import {readRoot, walk} from '../support/merkle_walk.mjs';

const {transcripts} = JSON.parse(readFileSync(new URL('../../contract/vectors/merkle.json', import.meta.url)));

// The one vector that no server can satisfy beside the others. Its server answers an OR client's first bucket request with no bucket at all,
// which leaves the client's own record undelivered. The last vector, "client only key, zero-filling server", starts in the very same state and
// has the answer that core.md 7.6 describes: digits that only the client has are listed with hash 0, so that it descends and pushes. We fill, so
// for this state that conversation is the right one.
const REPLACED = {'or: client only key': 'or: client only key, zero-filling server'};
const titleOf = ({kind, name}) => `${kind}: ${name}`;

// The ops that bring a cluster into the vector's state of the server. A tombstone's record was added once, by whoever removed it.
function opsFor(client, mapName, {kind, server: {entries, tombstonesByKey}}) {
  const op = (fields) => ({mapName, synced: false, id: String(client.nextId++), ...fields});
  const ops = entries.map(({key, record}) => {
    if (kind === 'or') return op({opType: 'OR_ADD', key, orRecord: record, timestamp: record.timestamp});
    return op({opType: record.value === null ? 'REMOVE' : 'PUT', key, record, timestamp: record.timestamp});
  });
  for (const [key, tags] of Object.entries(tombstonesByKey)) {
    for (const orTag of tags) ops.push(op({opType: 'OR_REMOVE', key, orTag, timestamp: client.tick()}));
  }
  return ops;
}

// The message for a map of another name; a server's clock is its own affair.
function renamed({type, payload, ...flat}, mapName) {
  if (!payload) return {type, ...flat, mapName};
  const {timestamp, ...rest} = payload;
  return {type, payload: {...rest, mapName, ...(timestamp ? {timestamp: 'of the server'} : {})}};
}

// Sends every message of the vector's client and collects the server's; answers to one client message may overtake nothing here, because each
// is awaited before the next is sent. The server never speaks unasked, so what arrives besides is a failure.
async function replay(client, mapName, exchange) {
  for (const [i, {from, message}] of exchange.entries()) {
    if (from !== 'client') continue;
    const expected = exchange[i + 1]?.from === 'server' ? renamed(exchange[i + 1].message, mapName) : undefined;
    const answered = expected && client.waitFor(({payload}) => payload?.mapName === mapName, `${expected.type} of ${mapName}`);
    client.send({...renamed(message, mapName)});
    if (!answered) continue;
    const answer = await answered;
    assert.ok(!answer.payload.timestamp || answer.payload.timestamp.millis > 0);
    assert.deepEqual(renamed(answer, mapName), expected);
  }
}

// Tombstones that no key of the vector's server claims came by ORMAP_PUSH_DIFF; they belong to whatever record they removed.
const withoutOrder = (entries) => entries.map(({key, records, tombstones}) => ({
  key, records: [...records].sort((a, b) => a.tag < b.tag ? -1 : 1), tombstones: [...tombstones].sort(),
})).sort((a, b) => a.key < b.key ? -1 : 1);

async function expectServer(client, mapName, {kind, final, server}) {
  assert.equal((await readRoot(client, kind, mapName)).rootHash, final.serverRootHash);
  const held = await walk(client, kind, mapName);
  if (kind === 'lww') {
    const byKey = (a, b) => a.key < b.key ? -1 : 1;
    return assert.deepEqual([...held].sort(byKey), [...server.entries].sort(byKey));  // LWW sync changes nothing at the server
  }
  const records = Object.entries(final.serverRecords).map(([key, all]) => ({key, records: all, tombstones: []}));
  assert.deepEqual(withoutOrder(held).map((entry) => ({...entry, tombstones: []})), withoutOrder(records));
  const keys = [...new Set([...records.map(({key}) => key), ...Object.keys(server.tombstonesByKey)])];
  const answered = client.waitFor(({type, payload}) => type === 'ORMAP_DIFF_RESPONSE' && payload.mapName === mapName, 'ORMAP_DIFF_RESPONSE');
  client.send({type: 'ORMAP_DIFF_REQUEST', payload: {mapName, keys}});
  const tombstones = (await answered).payload.entries.flatMap((entry) => entry.tombstones);
  assert.deepEqual(tombstones.sort(), [...final.serverTombstones].sort());
}

test('the conversations of merkle.json', async (t) => {
  const cluster = await Cluster.start(t);
  const [first, second] = await cluster.urls();
  const writer = await new Client(first, {token: cluster.token}).connect();
  const byTitle = new Map(transcripts.map((transcript) => [titleOf(transcript), transcript]));
  assert.equal(transcripts.length, 17);

  for (const [i, transcript] of transcripts.entries()) {
    const title = titleOf(transcript);
    await t.test(title, async () => {
      const mapName = `vector-${i}`;
      const ops = opsFor(writer, mapName, transcript);
      if (ops.length > 0) await writer.write(...ops);
      const spoken = byTitle.get(REPLACED[title] ?? title);
      assert.deepEqual([spoken.client, spoken.server], [transcript.client, transcript.server]);
      const client = await new Client(i % 2 ? first : second, {token: cluster.token}).connect();
      await replay(client, mapName, spoken.exchange);
      await expectServer(client, mapName, spoken);
      await client.close();
    });
  }
});
