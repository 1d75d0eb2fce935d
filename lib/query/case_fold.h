// Texts without regard to case: Unicode's simple case folding, one character for another. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun::query {

uint32_t FoldCase(uint32_t character);

// UTF-8; bytes that are none stay as they are.
std::string FoldText(std::string_view text);

}  // namespace topgun::query
