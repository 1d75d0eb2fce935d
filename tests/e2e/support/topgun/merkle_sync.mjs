// The client's side of a Merkle conversation (core.md 7.5 and 7.6), without a connection: what it sends first, and what it sends because
// of a server's message. There is no end marker; a conversation is over when nothing is left to ask.

export function firstMessage(map, lastSyncTimestamp) {
  if (map.kind === 'lww') return {type: 'SYNC_INIT', mapName: map.name, lastSyncTimestamp};
  return {
    type: 'ORMAP_SYNC_INIT', mapName: map.name, rootHash: map.tree.root(), bucketHashes: map.tree.buckets(''), lastSyncTimestamp,
    claimedEpoch: 0,
  };
}

// Applies the server's message and returns the client's answers to it.
export function answersTo(map, {type, payload}) {
  switch (type) {
    case 'SYNC_RESP_ROOT':
    case 'ORMAP_SYNC_RESP_ROOT':
      return payload.rootHash === map.tree.root() && !payload.fullResync ? [] : [request(map, '')];
    case 'SYNC_RESP_BUCKETS':
    case 'ORMAP_SYNC_RESP_BUCKETS':
      return compareBuckets(map, payload);
    case 'SYNC_RESP_LEAF':
      for (const {key, record} of payload.records) map.merge(key, record);
      return [];
    case 'ORMAP_SYNC_RESP_LEAF':
      for (const {key, records, tombstones} of payload.entries) map.mergeKey(key, records, tombstones);
      return pushDiff(map, payload.entries.map(({key}) => key));
    case 'ORMAP_DIFF_RESPONSE':
      for (const {key, records, tombstones} of payload.entries) map.mergeKey(key, records, tombstones);
      return [];
  }
  return [];
}

const request = (map, path) =>
    ({type: map.kind === 'lww' ? 'MERKLE_REQ_BUCKET' : 'ORMAP_MERKLE_REQ_BUCKET', payload: {mapName: map.name, path}});

function compareBuckets(map, {path, buckets}) {
  const out = [];
  for (const [digit, theirs] of Object.entries(buckets)) {
    if (theirs !== map.tree.at(path + digit)) out.push(request(map, path + digit));
  }
  if (map.kind === 'lww' || path.length !== 2) return out;
  // A leaf that only the client has is not asked for but pushed.
  for (const [digit, mine] of Object.entries(map.tree.buckets(path))) {
    if (mine !== 0 && !(digit in buckets)) out.push(...pushDiff(map, map.tree.keysAt(path + digit)));
  }
  return out;
}

// Keys that still have records, each with the tombstones of the whole map.
function pushDiff(map, keys) {
  const entries = keys.map((key) => ({key, records: map.recordsOf(key), tombstones: [...map.tombstones]}))
                      .filter(({records}) => records.length > 0);
  return entries.length > 0 ? [{type: 'ORMAP_PUSH_DIFF', payload: {mapName: map.name, entries}}] : [];
}
