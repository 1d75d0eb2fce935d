// What the merge of a batch has decided between different writes, for metrics and for the record of
// losers. Views borrow from the batch until it is cleared.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "crdt/timestamp.h"

namespace topgun::sync {

// An LWW record that gave way to another one of the same key.
struct LostWrite {
  std::string_view map;
  std::string_view key;
  std::string_view value;  // MessagePack; empty for a removal
  crdt::TimestampView timestamp;
  crdt::TimestampView winner;  // the timestamp it lost against
  std::optional<double> ttl_ms = std::nullopt;
};

struct Conflicts {
  size_t overwrites = 0;      // live records of another node that were replaced by something else
  size_t clocks_clamped = 0;  // writes from too far in the future that got the server's time
  size_t collisions = 0;      // different writes under one timestamp; the later one was re-stamped
  std::vector<LostWrite> lost;

  void Clear() {
    overwrites = clocks_clamped = collisions = 0;
    lost.clear();
  }
};

}  // namespace topgun::sync
