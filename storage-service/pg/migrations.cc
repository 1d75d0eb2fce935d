#include "pg/migrations.h"

#include <string>

namespace topgun::pg {
namespace {

using boost::asio::awaitable;

// Any number will do, as long as nobody else locks it.
constexpr std::string_view kPrepare = R"sql(
SELECT pg_advisory_xact_lock(7310579823014871);
DO $prepare$ BEGIN
  IF to_regclass('topgun.schema_migrations') IS NULL THEN
    CREATE SCHEMA IF NOT EXISTS topgun;
    CREATE TABLE topgun.schema_migrations (
      version int PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now());
  END IF;
END $prepare$;
)sql";

constexpr std::string_view kAddShards = R"sql(
INSERT INTO topgun.shards (shard) SELECT generate_series(0, $1 - 1) ON CONFLICT DO NOTHING)sql";
constexpr std::string_view kAddLeases = R"sql(
INSERT INTO topgun.leases (shard) SELECT shard FROM topgun.shards ON CONFLICT DO NOTHING)sql";

std::string ApplyOnce(const Migration& migration) {
  const std::string version = std::to_string(migration.version);
  std::string sql =
      "DO $apply$ BEGIN IF NOT EXISTS (SELECT FROM topgun.schema_migrations WHERE version = ";
  sql += version + ") THEN EXECUTE $migration$" + std::string(migration.sql) + "$migration$;\n";
  sql += "INSERT INTO topgun.schema_migrations (version, name) VALUES (" + version + ", '" +
         std::string(migration.name) + "'); END IF; END $apply$;\n";
  return sql;
}

}  // namespace

awaitable<Status> ApplyMigrations(Pool& pool) {
  std::string script(kPrepare);
  for (const Migration& migration : Migrations()) script += ApplyOnce(migration);
  co_return co_await pool.ExecuteScript(std::move(script));
}

awaitable<Status> RegisterShards(Pool& pool, uint32_t shard_count) {
  // In a transaction of its own: a database of another cluster must not get our shards.
  std::vector<Statement> cluster;
  cluster.push_back({"INSERT INTO topgun.cluster (shards) VALUES ($1) ON CONFLICT DO NOTHING",
                     Params().Int4(shard_count)});
  cluster.push_back({"SELECT shards FROM topgun.cluster", {}});
  const StatusOr<Results> found = co_await pool.Execute(std::move(cluster));
  if (!found.ok()) co_return found.status();
  const uint64_t theirs = found->back().rows() == 1 ? found->back().Unsigned(0, 0) : 0;
  if (theirs != shard_count) {
    co_return FailedPrecondition("the cluster in Postgres has " + std::to_string(theirs) +
                                 " shards, not " + std::to_string(shard_count));
  }
  std::vector<Statement> rows;
  rows.push_back({std::string(kAddShards), Params().Int4(shard_count)});
  rows.push_back({std::string(kAddLeases), {}});
  const StatusOr<Results> added = co_await pool.Execute(std::move(rows));
  co_return added.status();
}

}  // namespace topgun::pg
