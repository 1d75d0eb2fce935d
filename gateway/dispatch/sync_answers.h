// Frames of the Merkle sync, made of what TreeReader answers (core.md 7.5, 7.6). Pure.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/timestamp.h"
#include "dispatch/io.h"
#include "wire/client_frame.h"

namespace topgun::gateway {

// Bit d: the client has told that its bucket of digit d is not empty.
using DigitMask = uint16_t;
DigitMask ReportedDigits(std::span<const wire::BucketHash> buckets);

// What is listed for an inner node of an OR map. Digits that the server lacks are listed with hash
// 0, so that the client descends and pushes what only it has: at the root those that the client
// reported, below one of them all sixteen if the server has nothing there (core.md 7.6; in the
// recorded conversations it lists no more than it has where it has something).
std::vector<TreeAnswer::Child> ChildrenToList(const TreeAnswer::Node& node, std::string_view path,
                                              DigitMask reported);

std::string RootFrame(state::CellKind kind, std::string_view map, uint32_t hash,
                      const crdt::TimestampView& now, bool full_resync);
std::string BucketsFrame(state::CellKind kind, std::string_view map, std::string_view path,
                         std::span<const TreeAnswer::Child> children);
std::string LeafFrame(state::CellKind kind, std::string_view map, std::string_view path,
                      std::span<const TreeAnswer::Cell> cells);
// Of a path that no key has.
std::string NothingAt(state::CellKind kind, std::string_view map, std::string_view path);

// ORMAP_DIFF_RESPONSE: one entry per key, empty for unknown ones. `nodes[i]` is the leaf bucket of
// `keys[i]`.
std::string DiffFrame(std::string_view map, std::span<const std::string> keys,
                      std::span<const TreeAnswer::Node* const> nodes);

std::string ResetFrame(std::string_view map);

}  // namespace topgun::gateway
