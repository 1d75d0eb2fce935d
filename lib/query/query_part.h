// What the parts of a query have in common as they are read. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::query {

// Whether a part is missing, nil or an empty container, which mean the same.
bool IsAbsent(std::string_view raw);

// INVALID_ARGUMENT unless `raw` is an array of texts, at most `max`, of which each counts once.
// `part` is what errors call it. Empty when absent.
StatusOr<std::vector<std::string>> ReadNames(std::string_view raw, std::string_view part,
                                             size_t max);

// "sort[3]"
std::string PlaceOf(std::string_view part, uint32_t index);

Status TooMany(std::string_view part, size_t max);

}  // namespace topgun::query
