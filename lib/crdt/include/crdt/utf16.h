// UTF-8 text seen as JavaScript sees it: a sequence of UTF-16 code units.
//
// The protocol hashes and sorts strings by code unit (core.md 7.1, 7.3). A lone surrogate travels
// as its raw 3-byte form and is read back as that unit; every byte that belongs to no character is
// read as U+FFFD. Values; any thread; no errors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace topgun::crdt {

inline constexpr uint32_t kReplacementCharacter = 0xfffd;

// Reads the first character of a non-empty text, surrogates included. Returns its length in bytes;
// 1 and U+FFFD where the bytes are no UTF-8.
size_t DecodeCharacter(std::string_view utf8, uint32_t* character);

class Utf16Cursor {
 public:
  explicit Utf16Cursor(std::string_view utf8) : rest_(utf8) {}

  // The next code unit; false at the end.
  bool Next(uint16_t* unit) {
    if (low_surrogate_ == 0 && !rest_.empty() && static_cast<uint8_t>(rest_.front()) < 0x80) {
      *unit = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      return true;
    }
    return NextWide(unit);
  }

 private:
  bool NextWide(uint16_t* unit);

  std::string_view rest_;
  uint16_t low_surrogate_ = 0;  // second half of the character just read, 0 if none
};

// Negative, 0 or positive, like the default sort order of JavaScript. It differs from byte order
// only where a character beyond U+FFFF meets one from U+E000 to U+FFFF.
int CompareUtf16(std::string_view a, std::string_view b);

inline bool Utf16Less(std::string_view a, std::string_view b) { return CompareUtf16(a, b) < 0; }

}  // namespace topgun::crdt
