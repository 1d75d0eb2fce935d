// Writes rows of the cluster's own maps (state/keys.h): policies, nodes, devices, indexes.
//
// Each write first reads the row, so that its timestamp is newer than the row's whatever the clocks
// of the machines say. Two writers of a row at the same time: the newer timestamp wins.
//
// Owned by the loop; one thread. `Done` never runs inside the call; on shutdown waiting writes are
// forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "crdt/hybrid_logical_clock.h"
#include "dispatch/detached_writes.h"
#include "dispatch/io.h"

namespace topgun::gateway {

class SystemStore {
 public:
  // OK: applied, so that it survives like any APPLIED write. UNAVAILABLE: try again; it may have
  // been applied. RESOURCE_EXHAUSTED: too many wait.
  using Done = std::function<void(const Status&)>;

  static constexpr size_t kWaitingMax = 4'096;

  // `node_id` names this loop in timestamps: [a-z0-9-].
  SystemStore(std::string node_id, CellReader& cells, DetachedWrites& writes, Defer defer,
              const WallClock& clock)
      : clock_(std::move(node_id), clock),
        cells_(cells),
        writes_(writes),
        defer_(std::move(defer)) {}

  // `value` is MessagePack. `ttl_ms` 0: for ever.
  void Put(std::string_view map, std::string_view key, std::string_view value, double ttl_ms,
           Done done);
  void Remove(std::string_view map, std::string_view key, Done done);

  size_t waiting() const { return waiting_; }

 private:
  struct Row {
    std::string map;
    std::string key;
    std::string value;
    double ttl_ms = 0;
    bool remove = false;
  };

  void Start(Row row, Done done);
  void Write(const Row& row, Done done);

  crdt::HybridLogicalClock clock_;
  CellReader& cells_;
  DetachedWrites& writes_;
  const Defer defer_;
  size_t waiting_ = 0;
};

}  // namespace topgun::gateway
