// Hashes that are the same in every process. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun::query {

uint64_t StableHash(std::string_view bytes);
// Of 128 bits, so that no two values ever meet in one: 32 hexadecimal digits.
std::string StableHashName(std::string_view bytes);

}  // namespace topgun::query
