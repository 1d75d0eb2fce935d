// Walks a map's Merkle tree as a client that holds nothing (core.md 7.5, 7.6): every bucket with a hash other than 0 is asked for.
const names = {
  lww: {init: 'SYNC_INIT', root: 'SYNC_RESP_ROOT', ask: 'MERKLE_REQ_BUCKET', buckets: 'SYNC_RESP_BUCKETS', leaf: 'SYNC_RESP_LEAF'},
  or: {
    init: 'ORMAP_SYNC_INIT',
    root: 'ORMAP_SYNC_RESP_ROOT',
    ask: 'ORMAP_MERKLE_REQ_BUCKET',
    buckets: 'ORMAP_SYNC_RESP_BUCKETS',
    leaf: 'ORMAP_SYNC_RESP_LEAF',
  },
};

// The payload of the answer to SYNC_INIT or ORMAP_SYNC_INIT.
export async function readRoot(client, kind, mapName, fields = {}) {
  const type = names[kind];
  const answer = client.waitFor((f) => f.type === type.root && f.payload.mapName === mapName, `${type.root} of ${mapName}`);
  const defaults = kind === 'or' ? {rootHash: 0, bucketHashes: {}, claimedEpoch: 0} : {};
  client.send({type: type.init, mapName, lastSyncTimestamp: 0, ...defaults, ...fields});
  return (await answer).payload;
}

// The frame that answers a bucket request.
export async function readBucket(client, kind, mapName, path) {
  const type = names[kind];
  const answers = (f) => (f.type === type.buckets || f.type === type.leaf) && f.payload.mapName === mapName && f.payload.path === path;
  const answer = client.waitFor(answers, `the bucket "${path}" of ${mapName}`);
  client.send({type: type.ask, payload: {mapName, path}});
  return answer;
}

// Everything below `path`: the records (LWW) or entries (OR) of all leaves.
export async function walk(client, kind, mapName, path = '') {
  const {type, payload} = await readBucket(client, kind, mapName, path);
  if (type === names[kind].leaf) return payload.records ?? payload.entries;
  const digits = Object.keys(payload.buckets).filter((digit) => payload.buckets[digit] !== 0);
  const below = await Promise.all(digits.map((digit) => walk(client, kind, mapName, path + digit)));
  return below.flat();
}
