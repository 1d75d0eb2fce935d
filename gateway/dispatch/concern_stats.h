// What the write concerns of a loop's connections come to. Plain numbers that the ledgers change
// and the connection table reports once per tick: counters cost too much per op.
//
// Owned by the connection table, outlives the ledgers; one thread.
#pragma once

#include <array>
#include <cstdint>

#include "wire/op.h"

namespace topgun::gateway {

inline constexpr size_t kWriteConcernCount =
    size_t{1} + static_cast<size_t>(wire::WriteConcern::kPersisted);

struct ConcernStats {
  // Ops that wait, by the level they wait for.
  std::array<int64_t, kWriteConcernCount> waiting{};
  // Since the last report: ops acknowledged, by the level they had reached.
  std::array<uint64_t, kWriteConcernCount> acked{};
  // Since the last report: ops that missed their deadline, but were applied; or were not even that.
  uint64_t timeouts_applied = 0;
  uint64_t timeouts_unapplied = 0;
};

inline size_t IndexOf(wire::WriteConcern level) { return static_cast<size_t>(level); }

}  // namespace topgun::gateway
