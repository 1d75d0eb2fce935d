// What Unicode says about single characters. Private to this folder; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace topgun::search {

struct CodePoint {
  int32_t value = -1;  // of a byte that is no UTF-8: -1
  size_t size = 1;     // in bytes
};

CodePoint LongCodePointAt(std::string_view text, size_t at);

inline CodePoint CodePointAt(std::string_view text, size_t at) {
  const auto byte = static_cast<uint8_t>(text[at]);
  return byte < 0x80 ? CodePoint{.value = byte, .size = 1} : LongCodePointAt(text, at);
}

// Letters, what else is alphabetic, and numbers of every kind.
bool IsAlphanumeric(int32_t code_point);
bool IsSpace(int32_t code_point);
void AppendLower(int32_t code_point, std::string& out);

}  // namespace topgun::search
