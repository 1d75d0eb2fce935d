// The schema: SQL files of storage-service/migrations, compiled in, applied in order of their
// numbers.
//
// All missing ones are applied in one transaction under an advisory lock, so that processes that
// start together do it once. A migration is never changed after a release; a schema that is newer
// than the binary is accepted (additions only, see the README).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "pg/pool.h"

namespace topgun::pg {

struct Migration {
  int version;
  std::string_view name;
  std::string_view sql;
};

const std::vector<Migration>& Migrations();

boost::asio::awaitable<Status> ApplyMigrations(Pool& pool);

// Adds the rows of a new cluster. FAILED_PRECONDITION when the database belongs to one with another
// shard count.
boost::asio::awaitable<Status> RegisterShards(Pool& pool, uint32_t shard_count);

}  // namespace topgun::pg
