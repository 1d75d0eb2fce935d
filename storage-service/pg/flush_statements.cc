#include "flush_statements.h"

#include <algorithm>
#include <map>
#include <span>
#include <tuple>
#include <utility>

#include "logging/logging.h"
#include "sort_key.h"
#include "state/cell.h"

namespace topgun::pg {
namespace {

using state::CellKind;
using state::Position;

constexpr std::string_view kFence = "SELECT topgun.begin_flush($1, $2, $3, $4, $5, $6, $7, $8)";

// Rows are looked up one by one in the primary key, whatever the planner's statistics say: right
// after a table has grown they say too little. Holds until the end of the transaction.
constexpr std::string_view kPlanByKey = R"sql(
SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
       set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true))sql";

// MERGE may fail when others insert the same rows, but the fence lets one flush of a shard in at a
// time; so it need not lock rows and insert speculatively as ON CONFLICT does. Between the two goes
// what gives the columns.
constexpr std::string_view kMergeCells = "MERGE INTO topgun.cells AS old USING (SELECT ";
constexpr std::string_view kMergeOnKey = R"sql() AS new
   ON old.shard = $1 AND old.kind = new.kind AND old.map_id = new.map_id
      AND old.sort_key = new.sort_key
 WHEN MATCHED AND (old.inc, old.n) < (new.inc, new.n) THEN
UPDATE SET inc = new.inc, n = new.n, cell = new.cell
 WHEN NOT MATCHED THEN
INSERT (shard, kind, map_id, sort_key, key, tag, inc, n, cell)
VALUES ($1, new.kind, new.map_id, new.sort_key, new.key, new.tag, new.inc, new.n, new.cell))sql";

// Looks for no older rows, which is most of what MERGE costs a new one; fails when there are any.
// What gives the columns follows.
constexpr std::string_view kInsertCells = R"sql(
INSERT INTO topgun.cells (shard, kind, map_id, sort_key, key, tag, inc, n, cell)
SELECT $1, )sql";

// Only what was pruned: a newer row stays.
constexpr std::string_view kDropCells = R"sql(
DELETE FROM topgun.cells AS old
 USING unnest($2::int2[], $3::int8[], $4::bytea[], $5::int8[], $6::int8[])
       AS gone(kind, map_id, sort_key, inc, n)
 WHERE old.shard = $1 AND old.kind = gone.kind AND old.map_id = gone.map_id
   AND old.sort_key = gone.sort_key AND (old.inc, old.n) <= (gone.inc, gone.n))sql";

constexpr std::string_view kShardMaps = R"sql(
INSERT INTO topgun.shard_maps AS old (shard, kind, map_id, inc, n)
SELECT $1, new.* FROM unnest($2::int2[], $3::int8[], $4::int8[], $5::int8[]) AS new
ON CONFLICT (shard, kind, map_id) DO UPDATE SET inc = excluded.inc, n = excluded.n
 WHERE (old.inc, old.n) < (excluded.inc, excluded.n))sql";

// What Postgres receives, takes apart and writes again of one statement should stay in the caches.
constexpr size_t kStatementRowsMax = 1000;

// A row of the batch, ready to be written.
struct DecodedRow {
  const storage::CellRow* row = nullptr;
  int64_t map_id = 0;
  SortKey sort_key;
  Position version;

  int16_t kind() const { return static_cast<int16_t>(row->kind); }
};

// As the primary key has it: neighbours share pages of the index.
bool ByKey(const DecodedRow& a, const DecodedRow& b) {
  return std::tuple(a.row->kind, a.map_id, BytesOf(a.sort_key)) <
         std::tuple(b.row->kind, b.map_id, BytesOf(b.sort_key));
}

using Rows = std::vector<const DecodedRow*>;

// The columns of topgun.cells after `shard`, in the order of kInsertCells.
struct CellColumns {
  Array kind{Type::kInt2};
  Array map_id{Type::kInt8};
  Array sort_key{Type::kBytea};
  Array key{Type::kBytea};
  Array tag{Type::kBytea};
  Array inc{Type::kInt8};
  Array n{Type::kInt8};
  Array cell{Type::kBytea};

  explicit CellColumns(std::span<const DecodedRow* const> rows) {
    Reserve(rows);
    for (const DecodedRow* const row : rows) Add(*row);
  }

  void Reserve(std::span<const DecodedRow* const> rows) {
    size_t key_bytes = 0, tag_bytes = 0, cell_bytes = 0;
    for (const DecodedRow* const row : rows) {
      key_bytes += row->row->key.size();
      tag_bytes += row->row->tag.size();
      cell_bytes += row->row->cell.size();
    }
    kind.Reserve(rows.size(), rows.size() * sizeof(int16_t));
    sort_key.Reserve(rows.size(), rows.size() * sizeof(SortKey));
    for (Array* column : {&map_id, &inc, &n}) {
      column->Reserve(rows.size(), rows.size() * sizeof(int64_t));
    }
    key.Reserve(rows.size(), key_bytes);
    tag.Reserve(rows.size(), tag_bytes);
    cell.Reserve(rows.size(), cell_bytes);
  }

  void Add(const DecodedRow& row) {
    kind.AddInt2(row.kind());
    map_id.AddInt8(row.map_id);
    sort_key.AddBytes(BytesOf(row.sort_key));
    key.AddBytes(row.row->key);
    tag.AddBytes(row.row->tag);
    inc.AddInt8(row.version.incarnation);
    n.AddInt8(row.version.n);
    cell.AddBytes(row.row->cell);
  }

  // `head` and `tail` enclose a select list of the columns; the shard is $1. The columns are spent.
  //
  // Arrays are unnested in the select list, which takes them in step: in FROM each goes through a
  // tuple store. What all rows have in common is no array; something differs, as rows are distinct.
  Statement ToStatement(uint32_t shard, std::string_view head, std::string_view tail = {}) {
    Statement statement{std::string(head), {}};
    statement.params.Int2(shard);
    const auto add = [&statement](std::string_view name, Array& column) {
      const bool same = column.uniform();
      statement.sql.append(statement.params.count() == 1 ? "" : ", ");
      statement.sql.append(same ? "$" : "unnest($");
      statement.sql.append(std::to_string(statement.params.count() + 1));
      statement.sql.append(same ? " AS " : ") AS ").append(name);
      same ? statement.params.AddFirst(column) : statement.params.Add(std::move(column));
    };
    add("kind", kind);
    add("map_id", map_id);
    add("sort_key", sort_key);
    add("key", key);
    add("tag", tag);
    add("inc", inc);
    add("n", n);
    add("cell", cell);
    statement.sql.append(tail);
    return statement;
  }
};

void AddInParts(std::vector<Statement>& statements, uint32_t shard, const Rows& rows,
                std::string_view head, std::string_view tail = {}) {
  for (auto rest = std::span(rows); !rest.empty();) {
    const auto part = rest.first(std::min(rest.size(), kStatementRowsMax));
    statements.push_back(CellColumns(part).ToStatement(shard, head, tail));
    rest = rest.subspan(part.size());
  }
}

// The primary keys of dropped cells after `shard`, and the versions that were dropped.
struct DropColumns {
  Array kind{Type::kInt2};
  Array map_id{Type::kInt8};
  Array sort_key{Type::kBytea};
  Array inc{Type::kInt8};
  Array n{Type::kInt8};

  bool empty() const { return kind.size() == 0; }

  void Add(const DecodedRow& row) {
    kind.AddInt2(row.kind());
    map_id.AddInt8(row.map_id);
    sort_key.AddBytes(BytesOf(row.sort_key));
    inc.AddInt8(row.version.incarnation);
    n.AddInt8(row.version.n);
  }

  Statement ToStatement(uint32_t shard) {
    Statement statement{std::string(kDropCells), {}};
    statement.params.Int2(shard);
    for (Array* column : {&kind, &map_id, &sort_key, &inc, &n}) {
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

// In the order of the primary key.
std::vector<DecodedRow> Decode(uint32_t shard, const storage::WriteBatch& batch,
                               const MapIdOf& map_id_of) {
  SortKeyMaker sort_keys;
  std::vector<DecodedRow> rows;
  rows.reserve(batch.rows().size());
  for (const storage::CellRow& row : batch.rows()) {
    DecodedRow decoded;
    decoded.row = &row;
    state::CellView cell;
    if (!state::DecodeCell(row.cell, &cell)) {
      // Refusing it would stop this shard's persistence for good.
      logging::Error("flush", "malformed cell left out",
                     {{"shard", shard}, {"kind", decoded.kind()}});
      continue;
    }
    decoded.map_id = map_id_of(row.map);
    decoded.sort_key = sort_keys.Of(row.kind, row.key, row.tag);
    decoded.version = cell.version;
    rows.push_back(decoded);
  }
  std::sort(rows.begin(), rows.end(), ByKey);
  return rows;
}

}  // namespace

std::vector<Statement> FlushStatements(uint32_t shard, std::string_view owner, uint64_t incarnation,
                                       const storage::WriteBatch& batch, const MapIdOf& map_id_of,
                                       CreatedRows created_rows) {
  const std::vector<DecodedRow> rows = Decode(shard, batch, map_id_of);
  Rows inserted;
  Rows merged;
  DropColumns dropped;
  MapVersions versions;
  for (const DecodedRow& row : rows) {
    if (row.row->pruned) {
      dropped.Add(row);
      continue;
    }
    const bool insert = row.row->created && created_rows == CreatedRows::kInsert;
    (insert ? inserted : merged).push_back(&row);
    Position& version = versions[{row.row->kind, row.map_id}];
    version = std::max(version, row.version);
  }

  std::vector<Statement> statements;
  statements.push_back(FenceStatement(shard, owner, incarnation, batch));
  if (!merged.empty() || !dropped.empty()) statements.push_back({std::string(kPlanByKey), {}});
  AddInParts(statements, shard, inserted, kInsertCells);
  AddInParts(statements, shard, merged, kMergeCells, kMergeOnKey);
  if (!versions.empty()) statements.push_back(ShardMapsStatement(shard, versions));
  if (!dropped.empty()) statements.push_back(dropped.ToStatement(shard));
  return statements;
}

}  // namespace topgun::pg
