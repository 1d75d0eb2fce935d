#include "pg/pg_cell_store.h"

#include <algorithm>
#include <set>

#include "flush_statements.h"
#include "logging/logging.h"

namespace topgun::pg {
namespace {

constexpr std::string_view kReadShard = R"sql(
SELECT s.incarnation, s.position_inc, s.position_n, s.bytes, coalesce(l.owner, '')
  FROM topgun.shards s JOIN topgun.leases l USING (shard) WHERE s.shard = $1)sql";

constexpr std::string_view kRaiseIncarnation = R"sql(
UPDATE topgun.shards s SET incarnation = greatest(s.incarnation, $3) + 1
  FROM topgun.leases l
 WHERE s.shard = $1 AND l.shard = s.shard AND l.owner = $2 AND l.held_until > clock_timestamp()
RETURNING s.incarnation, s.position_inc, s.position_n, s.bytes, l.owner)sql";

constexpr std::string_view kMapsAbove = R"sql(
SELECT s.kind, m.name FROM topgun.shard_maps s JOIN topgun.maps m USING (map_id)
 WHERE s.shard = $1 AND (s.inc, s.n) > ($2, $3))sql";

// In order of the digest, so that concurrent inserts of the same names wait for each other in one
// order.
constexpr std::string_view kAddMaps = R"sql(
INSERT INTO topgun.maps (name, name_digest)
SELECT name, sha256(name) FROM unnest($1::bytea[]) AS name ORDER BY sha256(name)
ON CONFLICT (name_digest) DO NOTHING)sql";

constexpr std::string_view kReadMaps = R"sql(
SELECT name, map_id FROM topgun.maps
 WHERE name_digest IN (SELECT sha256(name) FROM unnest($1::bytea[]) AS name))sql";

// One page in order of the sort key: at most $7 rows, and no row after those that filled $8 bytes.
// Sizes are known without fetching cells that are stored out of line. The last column tells
// whether the map ends with this page.
constexpr std::string_view kLoadPage = R"sql(
WITH page AS MATERIALIZED (
  SELECT sort_key, octet_length(key) + octet_length(tag) + octet_length(cell) AS size
    FROM topgun.cells
   WHERE shard = $1 AND kind = $2
     AND map_id = (SELECT map_id FROM topgun.maps WHERE name_digest = sha256($3))
     AND sort_key > $4 AND (inc, n) > ($5, $6)
   ORDER BY sort_key LIMIT $7
), sized AS (
  SELECT sort_key, sum(size) OVER (ORDER BY sort_key) - size AS before, count(*) OVER () AS found
    FROM page
)
SELECT c.sort_key, c.key, c.tag, c.cell, sized.found
  FROM sized JOIN topgun.cells c USING (sort_key)
 WHERE c.shard = $1 AND c.kind = $2
   AND c.map_id = (SELECT map_id FROM topgun.maps WHERE name_digest = sha256($3))
   AND sized.before < $8
 ORDER BY c.sort_key)sql";

constexpr int64_t kPageRowsMax = 500;
constexpr int64_t kPageBytesMax = 1 << 20;

ShardRow ToShardRow(const Result& result) {
  return {result.Unsigned(0, 0),
          {result.Unsigned(0, 1), result.Unsigned(0, 2)},
          result.Unsigned(0, 3),
          std::string(result.Bytes(0, 4))};
}

LoadedPage::Cell ToLoadedCell(const Result& result, int row) {
  return {std::string(result.Bytes(row, 1)), std::string(result.Bytes(row, 2)),
          std::string(result.Bytes(row, 3))};
}

}  // namespace

awaitable<StatusOr<ShardRow>> PgCellStore::ReadShard(uint32_t shard) {
  Statement statement{std::string(kReadShard), Params().Int2(shard)};
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statement));
  if (!results.ok()) co_return results.status();
  if (results->front().rows() == 0) co_return Internal("the shard has no row in Postgres");
  co_return ToShardRow(results->front());
}

awaitable<StatusOr<ShardRow>> PgCellStore::RaiseIncarnation(uint32_t shard, std::string owner,
                                                            uint64_t redis_incarnation) {
  Statement statement{std::string(kRaiseIncarnation),
                      Params().Int2(shard).Text(owner).Int8(redis_incarnation)};
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statement));
  if (!results.ok()) co_return results.status();
  if (results->front().rows() == 0) co_return FailedPrecondition("the lease is not ours");
  co_return ToShardRow(results->front());
}

awaitable<StatusOr<std::vector<std::string>>> PgCellStore::MapsAbove(uint32_t shard,
                                                                     state::Position tail) {
  Statement statement{std::string(kMapsAbove),
                      Params().Int2(shard).Int8(tail.incarnation).Int8(tail.n)};
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statement));
  if (!results.ok()) co_return results.status();
  const Result& rows = results->front();
  std::vector<std::string> maps;
  maps.reserve(static_cast<size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) {
    maps.push_back(
        state::MapId(static_cast<state::CellKind>(rows.Int(row, 0)), rows.Bytes(row, 1)));
  }
  co_return maps;
}

awaitable<Status> PgCellStore::LearnMapIds(const WriteBatch& batch) {
  std::set<std::string_view> unknown;
  std::string name;
  for (const storage::CellRow& row : batch.rows()) {
    name = row.map;
    if (!map_ids_.contains(name)) unknown.insert(row.map);
  }
  if (unknown.empty()) co_return OkStatus();

  std::vector<Statement> statements;
  for (const std::string_view sql : {kAddMaps, kReadMaps}) {
    Array names(Type::kBytea);
    for (const std::string_view map : unknown) names.AddBytes(map);
    statements.push_back({std::string(sql), Params().Add(std::move(names))});
  }
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statements));
  if (!results.ok()) co_return results.status();
  const Result& rows = results->back();
  for (int row = 0; row < rows.rows(); ++row) {
    map_ids_.insert_or_assign(std::string(rows.Bytes(row, 0)), rows.Int(row, 1));
  }
  co_return OkStatus();
}

awaitable<Status> PgCellStore::Flush(uint32_t shard, std::string owner, uint64_t incarnation,
                                     const WriteBatch& batch) {
  if (map_ids_.size() > kMapIdsMax) map_ids_.clear();
  const Status learned = co_await LearnMapIds(batch);
  if (!learned.ok()) co_return learned;
  Status written = co_await Write(shard, owner, incarnation, batch, CreatedRows::kInsert);
  if (written.code() == StatusCode::kAlreadyExists) {
    // Everything was rolled back, the fence with it: the repetition has to pass it as well.
    NoteConflict(shard, written);
    written = co_await Write(shard, owner, incarnation, batch, CreatedRows::kMerge);
  }
  co_return written;
}

awaitable<Status> PgCellStore::Write(uint32_t shard, const std::string& owner, uint64_t incarnation,
                                     const WriteBatch& batch, CreatedRows created_rows) {
  // Another flush may have emptied the cache while we waited.
  bool complete = true;
  std::string name;
  const MapIdOf map_id_of = [&](std::string_view map) {
    name = map;
    const auto known = map_ids_.find(name);
    complete = complete && known != map_ids_.end();
    return complete ? known->second : 0;
  };
  std::vector<Statement> statements =
      FlushStatements(shard, owner, incarnation, batch, map_id_of, created_rows);
  if (!complete) co_return Unavailable("the numbers of the maps were forgotten");
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statements));
  // A number that is no longer there (the database was restored) must not be used again.
  if (results.status().code() == StatusCode::kInternal) ForgetMapIds();
  co_return results.status();
}

void PgCellStore::NoteConflict(uint32_t shard, const Status& conflict) {
  probe_.InsertConflict();
  uint64_t suppressed = 0;
  if (conflict_limit_.Allow(&suppressed)) {
    logging::Info("flush", "a new row was there already; repeated with a look at older ones",
                  {{"shard", shard}, {"error", ToString(conflict)}, {"suppressed", suppressed}});
  }
}

awaitable<StatusOr<LoadedPage>> PgCellStore::LoadPage(LoadRequest request, std::string after) {
  Params params;
  params.Int2(request.shard).Int2(static_cast<int64_t>(request.kind)).Bytea(request.map);
  params.Bytea(after).Int8(request.floor.incarnation).Int8(request.floor.n);
  params.Int8(kPageRowsMax).Int8(kPageBytesMax);
  Statement statement{std::string(kLoadPage), std::move(params)};
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statement));
  if (!results.ok()) co_return results.status();
  const Result& rows = results->front();
  LoadedPage page;
  for (int row = 0; row < rows.rows(); ++row) page.cells.push_back(ToLoadedCell(rows, row));
  if (rows.rows() > 0) {
    const int last = rows.rows() - 1;
    page.last_sort_key = rows.Bytes(last, 0);
    page.more = rows.Int(last, 4) > rows.rows() || rows.Int(last, 4) == kPageRowsMax;
  }
  co_return page;
}

}  // namespace topgun::pg
