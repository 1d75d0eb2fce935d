// What became of a row in a live query or search. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace topgun::wire {

enum class ChangeType : uint8_t { kEnter, kUpdate, kLeave };

std::string_view Name(ChangeType change);
std::optional<ChangeType> ChangeTypeOf(std::string_view name);

}  // namespace topgun::wire
