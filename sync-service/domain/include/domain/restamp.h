// The record that remembers which timestamp the service gave to an op, so that a re-send gets the
// same one anywhere.
//
// Lives as an LWW cell of the reserved map state::kRestampMap in the op's own shard, written in the
// same script. An op whose clock was too far ahead may come again when that time has come; judged
// by its own timestamp it would then beat what was written since. Nobody looks for a record under
// every op, so its client's node has a note in state::kClampMap of the same shard, too: the range
// of the original clocks. Only ops of such nodes with clocks in the range are looked up. Pure
// functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crdt/timestamp.h"
#include "domain/merge_rules.h"

namespace topgun::sync {

// Key of the record: map, key, original timestamp and a hash of what the op stores.
std::string RestampKey(std::string_view map, std::string_view key, const CellState& original);
std::string EncodeRestamp(const crdt::TimestampView& assigned);
// Borrows from `value`.
std::optional<crdt::TimestampView> DecodeRestamp(std::string_view value);

// Original clocks (ms) of ops of one node that were too far ahead; both included.
struct ClampedClocks {
  int64_t from = 0;
  int64_t upto = 0;
};
std::string EncodeClamps(const ClampedClocks& clocks);
std::optional<ClampedClocks> DecodeClamps(std::string_view value);

}  // namespace topgun::sync
