// What the administration endpoints need from the cluster beside dispatch/io.h. backend/ implements
// these over gRPC, tests over nothing.
//
// All calls and callbacks of one loop happen on its thread; no callback comes from inside the call
// that causes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "crdt/timestamp.h"
#include "state/keys.h"

namespace topgun::gateway {

class MapCounter {
 public:
  // Keys with a record that is neither removed nor expired. RESOURCE_EXHAUSTED: the map is too
  // large to be counted.
  using Done = std::function<void(StatusOr<uint64_t>)>;

  virtual ~MapCounter() = default;

  // `kind` is LWW or OR. Includes everything acknowledged before the call. Retries inside; fails
  // after a limit.
  virtual void Count(state::CellKind kind, const std::string& map, Done done) = 0;
};

// An LWW write that lost against another one of its key.
struct LostWrite {
  std::string key;
  std::string value;  // MessagePack; empty for a removal
  crdt::Timestamp timestamp;
  crdt::Timestamp winner;
  int64_t lost_at_ms = 0;
  std::optional<double> ttl_ms;
};

struct LostWrites {
  std::vector<LostWrite> writes;  // newest loss first, each once
  size_t replicas_asked = 0;
  size_t replicas_answered = 0;
};

class LoserReader {
 public:
  using Done = std::function<void(LostWrites)>;

  virtual ~LoserReader() = default;

  // What all sync replicas remember of a map, or of one key: at most `limit`, 0: all. A replica
  // that does not answer in time is missing from the answer.
  virtual void ReadLosers(const std::string& map, const std::optional<std::string>& key,
                          uint32_t limit, Done done) = 0;
};

}  // namespace topgun::gateway
