// Builds the statements of one flush from a batch. Pure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pg/connection.h"
#include "shard/write_batch.h"

namespace topgun::pg {

using MapIdOf = std::function<int64_t(std::string_view map)>;

// The fence, then, as far as there are any, the cells, the maps' versions and the rows to drop.
// Cells go in the order of their primary key: sha256 of the length-prefixed key and the tag, within
// shard, kind and map.
// Malformed cells are left out and logged.
std::vector<Statement> FlushStatements(uint32_t shard, std::string_view owner, uint64_t incarnation,
                                       const storage::WriteBatch& batch, const MapIdOf& map_id_of);

}  // namespace topgun::pg
