// Searching texts for conditions, in time that the context's steps limit. Pure; any thread.
#pragma once

#include <string_view>

#include "query/condition.h"

namespace topgun::query {

// Linear in both, however they repeat themselves.
bool HasPart(std::string_view text, std::string_view part, ConditionContext& context);

// The pattern of `like` (features.md 1.4): the whole text, whatever its case; % is any run of
// characters and _ any one, but never a line feed.
bool IsLike(std::string_view text, std::string_view pattern, ConditionContext& context);

}  // namespace topgun::query
