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

// What becomes of rows that are said not to be there yet (CellRow::created).
enum class CreatedRows {
  kInsert,  // the cheapest; the statement fails (kAlreadyExists) when such a row is there after all
  kMerge,   // as the others: the higher version stays
};

// The fence, then, as far as there are any, the cells to insert, the cells to merge, the maps'
// versions and the rows to drop. Cells go in the order of their primary key: their sort key
// (sort_key.h) within shard, kind and map.
// Malformed cells are left out and logged.
std::vector<Statement> FlushStatements(uint32_t shard, std::string_view owner, uint64_t incarnation,
                                       const storage::WriteBatch& batch, const MapIdOf& map_id_of,
                                       CreatedRows created_rows);

}  // namespace topgun::pg
