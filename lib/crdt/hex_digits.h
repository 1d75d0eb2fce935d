// The digits of a path through a Merkle tree, in order. Private to this folder.
#pragma once

#include <string_view>

namespace topgun::crdt {

inline constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace topgun::crdt
