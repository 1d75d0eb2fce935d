// The definitions of indexes, kept by the cluster in state::kIndexMap. Queries look through whole
// maps so far, so an index covers all records of its map from the beginning and its counts are the
// map's.
//
// Two gateways that create an index on the same attribute in the same moment both succeed; the
// later definition stands. Owned by the loop; one thread. `done` does not run inside a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "dispatch/io.h"
#include "http/admin_io.h"
#include "system/index_row.h"
#include "system/map_mirror.h"
#include "system/system_store.h"

namespace topgun::gateway {

struct IndexInfo {
  IndexDefinition index;
  std::optional<uint64_t> entries;  // nothing: the map is too large to be counted
};

class IndexStore {
 public:
  // Every answer includes what was created and deleted before. Errors: UNAVAILABLE and
  // RESOURCE_EXHAUSTED: try again later.
  using Listed = std::function<void(const StatusOr<std::vector<IndexInfo>>&)>;
  // Nothing: there is no such index.
  using Found = std::function<void(const StatusOr<std::optional<IndexInfo>>&)>;
  using Done = std::function<void(const Status&)>;

  static constexpr size_t kIndexesMax = 1'000;
  static constexpr size_t kAttributeBytesMax = 256;

  IndexStore(SystemStore& store, const MapMirror& mirror, MapReader& reader, CellReader& cells,
             MapCounter& counter, const WallClock& clock)
      : store_(store),
        mirror_(mirror),
        reader_(reader),
        cells_(cells),
        counter_(counter),
        clock_(clock) {}

  void List(Listed done);
  void Find(const std::string& map, const std::string& attribute, Found done);
  // ALREADY_EXISTS: the map has an index on the attribute. FAILED_PRECONDITION: too many indexes.
  void Create(const IndexDefinition& index, Done done);
  // NOT_FOUND: there is no such index.
  void Delete(const std::string& map, const std::string& attribute, Done done);

 private:
  using Defined = std::function<void(const StatusOr<std::optional<IndexDefinition>>&)>;

  void FindDefinition(const std::string& map, const std::string& attribute, Defined done);
  void Count(std::vector<IndexDefinition> indexes, Listed done);

  SystemStore& store_;
  const MapMirror& mirror_;
  MapReader& reader_;
  CellReader& cells_;
  MapCounter& counter_;
  const WallClock& clock_;
};

}  // namespace topgun::gateway
