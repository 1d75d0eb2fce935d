#include "flush_statements.h"

#include <openssl/sha.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/bytes.h"
#include "logging/logging.h"
#include "state/cell.h"

namespace topgun::pg {
namespace {

using state::CellKind;
using state::Position;

constexpr std::string_view kFence = "SELECT topgun.begin_flush($1, $2, $3, $4, $5, $6, $7, $8)";

constexpr std::string_view kCells = R"sql(
INSERT INTO topgun.cells AS old (shard, kind, map_id, digest, key, tag, inc, n, commit_ms, millis,
                                 counter, node, tombstone, ttl_ms, value)
SELECT $1, new.* FROM unnest($2::int2[], $3::int8[], $4::bytea[], $5::bytea[], $6::bytea[], $7::int8[],
                             $8::int8[], $9::int8[], $10::int8[], $11::int8[], $12::bytea[],
                             $13::bool[], $14::float8[], $15::bytea[]) AS new
ON CONFLICT (shard, kind, map_id, digest) DO UPDATE
   SET inc = excluded.inc, n = excluded.n, commit_ms = excluded.commit_ms, millis = excluded.millis,
       counter = excluded.counter, node = excluded.node, tombstone = excluded.tombstone,
       ttl_ms = excluded.ttl_ms, value = excluded.value
 WHERE (old.inc, old.n) < (excluded.inc, excluded.n))sql";

// Only what was pruned: a newer row stays.
constexpr std::string_view kDropCells = R"sql(
DELETE FROM topgun.cells AS old
 USING unnest($2::int2[], $3::int8[], $4::bytea[], $5::int8[], $6::int8[])
       AS gone(kind, map_id, digest, inc, n)
 WHERE old.shard = $1 AND old.kind = gone.kind AND old.map_id = gone.map_id
   AND old.digest = gone.digest AND (old.inc, old.n) <= (gone.inc, gone.n))sql";

constexpr std::string_view kShardMaps = R"sql(
INSERT INTO topgun.shard_maps AS old (shard, kind, map_id, inc, n)
SELECT $1, new.* FROM unnest($2::int2[], $3::int8[], $4::int8[], $5::int8[]) AS new
ON CONFLICT (shard, kind, map_id) DO UPDATE SET inc = excluded.inc, n = excluded.n
 WHERE (old.inc, old.n) < (excluded.inc, excluded.n))sql";

int16_t KindNumber(const storage::CellRow& row) { return static_cast<int16_t>(row.kind); }

// The columns of topgun.cells after `shard`, one array each.
struct CellColumns {
  Array kind{Type::kInt2};
  Array map_id{Type::kInt8};
  Array digest{Type::kBytea};
  Array key{Type::kBytea};
  Array tag{Type::kBytea};
  Array inc{Type::kInt8};
  Array n{Type::kInt8};
  Array commit_ms{Type::kInt8};
  Array millis{Type::kInt8};
  Array counter{Type::kInt8};
  Array node{Type::kBytea};
  Array tombstone{Type::kBool};
  Array ttl_ms{Type::kFloat8};
  Array value{Type::kBytea};

  void Add(const storage::CellRow& row, int64_t row_map_id, const state::CellView& cell) {
    kind.AddInt2(KindNumber(row));
    map_id.AddInt8(row_map_id);
    digest.AddBytes(CellDigest(row.key, row.tag));
    key.AddBytes(row.key);
    tag.AddBytes(row.tag);
    inc.AddInt8(cell.version.incarnation);
    n.AddInt8(cell.version.n);
    commit_ms.AddInt8(cell.commit_ms);
    millis.AddInt8(cell.timestamp.millis);
    counter.AddInt8(cell.timestamp.counter);
    node.AddBytes(cell.timestamp.node_id);
    tombstone.AddBool(cell.tombstone);
    cell.has_ttl ? ttl_ms.AddFloat8(cell.ttl_ms) : ttl_ms.AddNull();
    value.AddBytes(cell.value);
  }

  Statement ToStatement(uint32_t shard) {
    Statement statement{std::string(kCells), {}};
    statement.params.Int2(shard);
    for (Array* column : {&kind, &map_id, &digest, &key, &tag, &inc, &n, &commit_ms, &millis,
                          &counter, &node, &tombstone, &ttl_ms, &value}) {
      statement.params.Add(std::move(*column));
    }
    return statement;
  }
};

// The primary keys of dropped cells after `shard`, and the versions that were dropped.
struct DropColumns {
  Array kind{Type::kInt2};
  Array map_id{Type::kInt8};
  Array digest{Type::kBytea};
  Array inc{Type::kInt8};
  Array n{Type::kInt8};

  void Add(const storage::CellRow& row, int64_t row_map_id, const state::CellView& cell) {
    kind.AddInt2(KindNumber(row));
    map_id.AddInt8(row_map_id);
    digest.AddBytes(CellDigest(row.key, row.tag));
    inc.AddInt8(cell.version.incarnation);
    n.AddInt8(cell.version.n);
  }

  Statement ToStatement(uint32_t shard) {
    Statement statement{std::string(kDropCells), {}};
    statement.params.Int2(shard);
    for (Array* column : {&kind, &map_id, &digest, &inc, &n}) {
      statement.params.Add(std::move(*column));
    }
    return statement;
  }
};

using MapVersions = std::map<std::pair<CellKind, int64_t>, Position>;

Statement ShardMapsStatement(uint32_t shard, const MapVersions& versions) {
  Array kind(Type::kInt2), map_id(Type::kInt8), inc(Type::kInt8), n(Type::kInt8);
  for (const auto& [map, version] : versions) {
    kind.AddInt2(static_cast<int16_t>(map.first));
    map_id.AddInt8(map.second);
    inc.AddInt8(version.incarnation);
    n.AddInt8(version.n);
  }
  Statement statement{std::string(kShardMaps), {}};
  statement.params.Int2(shard);
  for (Array* column : {&kind, &map_id, &inc, &n}) statement.params.Add(std::move(*column));
  return statement;
}

Statement FenceStatement(uint32_t shard, std::string_view owner, uint64_t incarnation,
                         const storage::WriteBatch& batch) {
  Statement statement{std::string(kFence), {}};
  statement.params.Int2(shard).Text(owner).Int8(incarnation);
  for (const Position& position : {batch.from(), batch.to()}) {
    statement.params.Int8(position.incarnation).Int8(position.n);
  }
  statement.params.Int8(batch.bytes());
  return statement;
}

}  // namespace

std::string CellDigest(std::string_view key, std::string_view tag) {
  std::string text;
  AppendBytes(text, key);
  text.append(tag);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::vector<Statement> FlushStatements(uint32_t shard, std::string_view owner, uint64_t incarnation,
                                       const storage::WriteBatch& batch, const MapIdOf& map_id_of) {
  std::vector<Statement> statements;
  statements.push_back(FenceStatement(shard, owner, incarnation, batch));
  if (batch.rows().empty()) return statements;
  CellColumns columns;
  DropColumns dropped;
  bool any_dropped = false;
  MapVersions versions;
  state::CellView cell;
  for (const storage::CellRow& row : batch.rows()) {
    if (!state::DecodeCell(row.cell, &cell)) {
      // Refusing it would stop this shard's persistence for good.
      logging::Error("flush", "malformed cell left out",
                     {{"shard", shard}, {"kind", KindNumber(row)}});
      continue;
    }
    const int64_t map_id = map_id_of(row.map);
    if (row.pruned) {
      dropped.Add(row, map_id, cell);
      any_dropped = true;
      continue;
    }
    columns.Add(row, map_id, cell);
    Position& version = versions[{row.kind, map_id}];
    version = std::max(version, cell.version);
  }
  if (!versions.empty()) {
    statements.push_back(columns.ToStatement(shard));
    statements.push_back(ShardMapsStatement(shard, versions));
  }
  if (any_dropped) statements.push_back(dropped.ToStatement(shard));
  return statements;
}

}  // namespace topgun::pg
