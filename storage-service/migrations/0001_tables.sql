-- Tables of a cluster. What protects the data (topgun.shards) is apart from what merely shares out the work (topgun.leases), so that
-- renewing a lease never waits for a flush.

-- One row: the shard count the cluster was created with.
CREATE TABLE topgun.cluster (
  singleton bool PRIMARY KEY DEFAULT true CHECK (singleton),
  shards    int NOT NULL CHECK (shards BETWEEN 1 AND 271)
);

-- The fence: every flush moves exactly one of these rows, from the position and in the incarnation its author believes in.
CREATE TABLE topgun.shards (
  shard        int2 PRIMARY KEY,
  incarnation  int8 NOT NULL DEFAULT 0,
  position_inc int8 NOT NULL DEFAULT 0,
  position_n   int8 NOT NULL DEFAULT 0,
  bytes        int8 NOT NULL DEFAULT 0  -- of feed entries, cumulative up to the position
) WITH (fillfactor = 50);

CREATE TABLE topgun.leases (
  shard      int2 PRIMARY KEY REFERENCES topgun.shards,
  owner      text,
  address    text,
  held_until timestamptz
) WITH (fillfactor = 50);

-- Heartbeats: among whom the shards are divided.
CREATE TABLE topgun.storage_processes (
  name        text PRIMARY KEY,
  address     text NOT NULL,
  alive_until timestamptz NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE topgun.maps (
  map_id      bigserial PRIMARY KEY,
  name        bytea NOT NULL,
  name_digest bytea NOT NULL UNIQUE  -- sha256: a btree entry is limited to 2.7 kB, a name is not
);

CREATE TABLE topgun.cells (
  shard     int2 NOT NULL,
  kind      int2 NOT NULL,  -- 1 LWW, 2 OR, 3 counter
  map_id    int8 NOT NULL,
  digest    bytea NOT NULL,  -- sha256 of the length-prefixed key and the tag
  key       bytea NOT NULL,
  tag       bytea NOT NULL,
  inc       int8 NOT NULL,  -- (inc, n): the commit that wrote the cell
  n         int8 NOT NULL,
  commit_ms int8 NOT NULL,
  millis    int8 NOT NULL,
  counter   int8 NOT NULL,
  node      bytea NOT NULL,
  tombstone bool NOT NULL,
  ttl_ms    float8,
  value     bytea NOT NULL,  -- MessagePack as the client sent it; empty for a tombstone
  PRIMARY KEY (shard, kind, map_id, digest)
) WITH (fillfactor = 85);  -- room for HOT updates: no indexed column ever changes

-- The last version of every map of a shard: decides what a reopened Redis must fetch (docs/adr/0002).
CREATE TABLE topgun.shard_maps (
  shard  int2 NOT NULL,
  kind   int2 NOT NULL,
  map_id int8 NOT NULL REFERENCES topgun.maps,
  inc    int8 NOT NULL,
  n      int8 NOT NULL,
  PRIMARY KEY (shard, kind, map_id)
) WITH (fillfactor = 50);
