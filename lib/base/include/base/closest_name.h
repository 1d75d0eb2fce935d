// The name that was probably meant. Pure; any thread.
#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace topgun {

// The one of `names` that takes the fewest insertions, deletions and replacements to become
// `given`; empty when none is near. Near is half of the length of `given` (at least 2), and never
// more than `edits_max`.
std::string ClosestName(std::string_view given, const std::vector<std::string>& names,
                        size_t edits_max = std::numeric_limits<size_t>::max());

}  // namespace topgun
