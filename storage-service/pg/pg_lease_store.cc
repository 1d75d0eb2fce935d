#include "pg/pg_lease_store.h"

namespace topgun::pg {
namespace {

using storage::Lease;
using storage::LeaseState;

constexpr std::string_view kHeartbeat = R"sql(
INSERT INTO topgun.storage_processes (name, address, alive_until)
VALUES ($1, $2, clock_timestamp() + $3 * interval '1 ms')
ON CONFLICT (name) DO UPDATE SET address = excluded.address, alive_until = excluded.alive_until)sql";

constexpr std::string_view kForgetDead = R"sql(
DELETE FROM topgun.storage_processes WHERE alive_until < clock_timestamp() - interval '1 hour')sql";

// Also what an earlier process of this name left: a restart goes on at once.
constexpr std::string_view kRenew = R"sql(
UPDATE topgun.leases SET address = $2, held_until = clock_timestamp() + $3 * interval '1 ms'
 WHERE owner = $1)sql";

constexpr std::string_view kReadLeases = R"sql(
SELECT shard, CASE WHEN held_until > clock_timestamp() THEN owner END, coalesce(address, '')
  FROM topgun.leases ORDER BY shard)sql";

constexpr std::string_view kReadProcesses = R"sql(
SELECT name FROM topgun.storage_processes WHERE alive_until > clock_timestamp()
 ORDER BY name COLLATE "C")sql";

constexpr std::string_view kClaim = R"sql(
UPDATE topgun.leases
   SET owner = $1, address = $2, held_until = clock_timestamp() + $3 * interval '1 ms'
 WHERE shard = ANY($4::int2[]) AND (owner IS NULL OR held_until <= clock_timestamp())
RETURNING shard)sql";

constexpr std::string_view kRelease = R"sql(
UPDATE topgun.leases SET owner = NULL, address = NULL, held_until = NULL
 WHERE owner = $1 AND shard = ANY($2::int2[]))sql";

constexpr std::string_view kReleaseAll = R"sql(
UPDATE topgun.leases SET owner = NULL, address = NULL, held_until = NULL WHERE owner = $1)sql";

constexpr std::string_view kSayGoodbye = "DELETE FROM topgun.storage_processes WHERE name = $1";

Array ShardArray(const std::vector<uint32_t>& shards) {
  Array array(Type::kInt2);
  for (const uint32_t shard : shards) array.AddInt2(static_cast<int16_t>(shard));
  return array;
}

}  // namespace

awaitable<StatusOr<LeaseState>> PgLeaseStore::Renew() {
  const Params hold = Params().Text(name_).Text(address_).Int8(lease_.count());
  std::vector<Statement> statements;
  statements.push_back({std::string(kHeartbeat), hold});
  statements.push_back({std::string(kForgetDead), {}});
  statements.push_back({std::string(kRenew), hold});
  statements.push_back({std::string(kReadLeases), {}});
  statements.push_back({std::string(kReadProcesses), {}});
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statements));
  if (!results.ok()) co_return results.status();

  LeaseState state;
  const Result& leases = (*results)[3];
  for (int row = 0; row < leases.rows(); ++row) {
    state.leases.push_back({static_cast<uint32_t>(leases.Int(row, 0)),
                            std::string(leases.Bytes(row, 1)), std::string(leases.Bytes(row, 2))});
  }
  const Result& processes = (*results)[4];
  for (int row = 0; row < processes.rows(); ++row) {
    state.processes.emplace_back(processes.Bytes(row, 0));
  }
  co_return state;
}

awaitable<StatusOr<std::vector<uint32_t>>> PgLeaseStore::Claim(std::vector<uint32_t> shards) {
  Params params;
  params.Text(name_).Text(address_).Int8(lease_.count()).Add(ShardArray(shards));
  Statement statement{std::string(kClaim), std::move(params)};
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statement));
  if (!results.ok()) co_return results.status();
  std::vector<uint32_t> claimed;
  for (int row = 0; row < results->front().rows(); ++row) {
    claimed.push_back(static_cast<uint32_t>(results->front().Int(row, 0)));
  }
  co_return claimed;
}

awaitable<Status> PgLeaseStore::Release(std::vector<uint32_t> shards) {
  Statement statement{std::string(kRelease), Params().Text(name_).Add(ShardArray(shards))};
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statement));
  co_return results.status();
}

awaitable<Status> PgLeaseStore::Leave() {
  std::vector<Statement> statements;
  statements.push_back({std::string(kReleaseAll), Params().Text(name_)});
  statements.push_back({std::string(kSayGoodbye), Params().Text(name_)});
  const StatusOr<Results> results = co_await pool_.Execute(std::move(statements));
  co_return results.status();
}

}  // namespace topgun::pg
