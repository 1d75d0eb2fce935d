// How far retention has pruned a map in a shard (docs/state-layout.md, "retention"). Value; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace topgun::state {

struct Horizon {
  // Highest commit time (wall clock, ms) of what was pruned: a client that synced before it may
  // have missed a removal.
  int64_t commit_ms = 0;
  // Highest clock (ms) among what was pruned: an older write to an absent cell may be one that was
  // removed.
  int64_t millis = 0;

  friend bool operator==(const Horizon&, const Horizon&) = default;
};

// The value of its cell in kHorizonMap (MessagePack).
std::string EncodeHorizon(const Horizon& horizon);
// Nothing for anything else.
std::optional<Horizon> DecodeHorizon(std::string_view value);

}  // namespace topgun::state
