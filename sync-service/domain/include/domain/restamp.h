// The record that remembers which timestamp the service gave to an op, so that a re-send gets the
// same one anywhere.
//
// Lives as an LWW cell of the reserved map state::kRestampMap in the op's own shard, written in the
// same script. Pure functions.
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

}  // namespace topgun::sync
