// One write operation of a client (core.md 5.1) and the checks that need no state.
//
// An Op borrows from the frame it was decoded from. Whether an operation can be read at all is
// the decoder's business; an operation that can be read but not accepted carries its reason in
// `error`, because the client must hear about it. Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/timestamp.h"

namespace topgun::wire {

enum class OpKind : uint8_t {
  kPut,
  kRemove,
  kOrAdd,
  kOrRemove,
  kNothing,  // a put without record: changes nothing and is acknowledged
};

// The `opType` and `eventType` word; kNothing is a PUT on the wire.
std::string_view Name(OpKind kind);
std::optional<OpKind> OpKindOf(std::string_view name);

// Ascending: a level includes the ones before it (core.md 5.6).
enum class WriteConcern : uint8_t { kFireAndForget, kMemory, kApplied, kReplicated, kPersisted };

std::string_view Name(WriteConcern level);
std::optional<WriteConcern> WriteConcernOf(std::string_view name);

struct Op {
  std::string_view id;
  std::string_view map;
  std::string_view key;
  std::string_view value;         // MessagePack; empty for removals
  std::string_view tag;           // OR operations only
  crdt::TimestampView timestamp;  // of the record, or of the operation for removals
  double ttl_ms = 0;
  std::optional<double> timeout_ms;
  // Not empty: readable but invalid. Names the field, e.g.
  // "ops[3].record.timestamp.millis: must be a whole number >= 0".
  std::string error;
  std::optional<WriteConcern> write_concern;
  OpKind kind = OpKind::kNothing;
  bool has_id = false;
  bool has_timestamp = false;  // may be false for removals only
  bool has_ttl = false;
};

struct OpLimits {
  size_t map_bytes_max = 1024;
  size_t key_bytes_max = size_t{64} * 1024;
  size_t tag_bytes_max = size_t{64} * 1024;
  size_t node_bytes_max = 256;
  size_t value_bytes_max = 0;  // 0: unlimited
};

// Names that only the cluster itself may use: _topgun_ and __topgun_ in any case (core.md 10).
bool IsReservedMapName(std::string_view map);

// Why a client may not use this map name; empty when it may.
std::string ValidateMapName(std::string_view map, const OpLimits& limits);

// Why the operation is refused; empty when it is not. `op.error` comes first.
std::string ValidateOp(const Op& op, const OpLimits& limits);

}  // namespace topgun::wire
