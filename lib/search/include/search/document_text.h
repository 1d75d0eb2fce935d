// The texts of a record (features.md 7.2): every string that is not empty, at any depth; those of a
// map in the order of its keys, those of an array in its order. Numbers, truth values, bytes and
// keys are none. Pure; any thread.
#pragma once

#include <string_view>
#include <vector>

namespace topgun::search {

// `value` is MessagePack; the texts point into it. Of bytes that are malformed, what came before.
std::vector<std::string_view> TextsOf(std::string_view value);

}  // namespace topgun::search
