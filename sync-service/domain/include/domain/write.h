// Writes as the domain sees them: ops of one shard that arrived together (docs/architecture.md,
// "life of a frame"). All views borrow from `storage`. Movable values; used on the shard's loop
// only.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "crdt/timestamp.h"
#include "state/keys.h"
#include "state/position.h"
#include "tracing/context.h"

namespace topgun::sync {

// Numbers as in topgun.crdt.v1.
enum class OpKind : uint8_t {
  kPut = 1,
  kRemove = 2,
  kOrAdd = 3,
  kOrRemove = 4,
  kDeadTag = 5,
  kCounter = 6
};
inline constexpr uint8_t kOpKindMax = 6;
enum class Outcome : uint8_t {
  kNone = 0,
  kApplied = 1,
  kStale = 2,
  kDuplicate = 3,
  kRestamped = 4,
  kRejected = 5
};
inline constexpr size_t kOutcomeCount = 6;

// Of the cell that the op is about.
inline state::CellKind CellKindOf(OpKind kind) {
  switch (kind) {
    case OpKind::kPut:
    case OpKind::kRemove:
      return state::CellKind::kLww;
    case OpKind::kCounter:
      return state::CellKind::kCounter;
    default:
      return state::CellKind::kOr;
  }
}

struct WriteOp {
  OpKind kind = OpKind::kPut;
  uint32_t map = 0;     // index into WritePart::maps
  uint32_t origin = 0;  // index into WritePart::origins
  bool has_ttl = false;
  double ttl_ms = 0;
  crdt::TimestampView timestamp;  // empty node id: the service stamps the op
  std::string_view key;
  std::string_view tag;
  std::string_view value;  // MessagePack; empty for removals
};

struct WriteResult {
  Status status;
  state::Position position;  // covers every op
  std::string outcomes;      // one Outcome per op
  bool replicated = false;   // enough Redis replicas have confirmed it
};

// When a part was where; the rest is known to its shard.
struct PartTimes {
  uint64_t trace = 0;                              // not 0: recorded (lib/hops)
  std::chrono::steady_clock::time_point received;  // its message, on gRPC's thread
  std::chrono::steady_clock::time_point handed;    // to the loop
};

// The spans of a part that is traced (lib/tracing).
struct PartSpans {
  tracing::Context caller;   // the gateway's call
  tracing::Context service;  // what becomes of it here
  tracing::Context commit;   // its way to Redis: whoever hears of the commit goes on from there
};

struct WritePart {
  std::shared_ptr<const void> storage;
  std::vector<std::string_view> maps;
  std::vector<std::string_view> origins;
  std::vector<WriteOp> ops;
  uint64_t bytes = 0;  // held by `storage` for this part, for queue limits
  // How long `done` may wait for Redis replicas to confirm the commit; 0: it does not.
  uint32_t replicate_ms = 0;
  // Somebody waits for Postgres to have it.
  bool persist = false;
  PartTimes times;
  std::unique_ptr<const PartSpans> spans;  // null: not traced
  std::function<void(WriteResult)> done;
};

}  // namespace topgun::sync
