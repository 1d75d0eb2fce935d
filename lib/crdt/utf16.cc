#include "crdt/utf16.h"

#include <algorithm>

namespace topgun::crdt {
namespace {

constexpr uint32_t kFirstSupplementary = 0x10000;
constexpr uint32_t kLastCharacter = 0x10ffff;

uint8_t ByteAt(std::string_view text, size_t index) { return static_cast<uint8_t>(text[index]); }

bool IsContinuation(uint8_t byte) { return (byte & 0xc0) == 0x80; }

struct Lead {
  size_t length;
  uint32_t bits;      // payload of the lead byte
  uint32_t smallest;  // below it the form is overlong
};

// length 0: no lead byte.
Lead ReadLead(uint8_t byte) {
  if (byte < 0x80) return {1, byte, 0};
  if ((byte & 0xe0) == 0xc0) return {2, byte & 0x1fU, 0x80};
  if ((byte & 0xf0) == 0xe0) return {3, byte & 0x0fU, 0x800};
  if ((byte & 0xf8) == 0xf0) return {4, byte & 0x07U, kFirstSupplementary};
  return {0, 0, 0};
}

}  // namespace

size_t DecodeCharacter(std::string_view utf8, uint32_t* character) {
  const Lead lead = ReadLead(ByteAt(utf8, 0));
  *character = kReplacementCharacter;
  if (lead.length == 0 || lead.length > utf8.size()) return 1;
  uint32_t value = lead.bits;
  for (size_t i = 1; i < lead.length; ++i) {
    const uint8_t byte = ByteAt(utf8, i);
    if (!IsContinuation(byte)) return 1;
    value = (value << 6) | (byte & 0x3fU);
  }
  if (value < lead.smallest || value > kLastCharacter) return 1;
  *character = value;
  return lead.length;
}

bool Utf16Cursor::NextWide(uint16_t* unit) {
  if (low_surrogate_ != 0) {
    *unit = low_surrogate_;
    low_surrogate_ = 0;
    return true;
  }
  if (rest_.empty()) return false;
  uint32_t character = 0;
  rest_.remove_prefix(DecodeCharacter(rest_, &character));
  if (character < kFirstSupplementary) {
    *unit = static_cast<uint16_t>(character);
    return true;
  }
  const uint32_t offset = character - kFirstSupplementary;
  *unit = static_cast<uint16_t>(0xd800 + (offset >> 10));
  low_surrogate_ = static_cast<uint16_t>(0xdc00 + (offset & 0x3ff));
  return true;
}

int CompareUtf16(std::string_view a, std::string_view b) {
  const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  // Two ASCII characters (or one and the end) decide without decoding: keys and tags mostly end
  // here, and it gives the same order as below whatever the common prefix holds.
  const int first = in_a == a.end() ? -1 : static_cast<uint8_t>(*in_a);
  const int second = in_b == b.end() ? -1 : static_cast<uint8_t>(*in_b);
  if (first < 0x80 && second < 0x80) return first - second;

  Utf16Cursor left(a);
  Utf16Cursor right(b);
  while (true) {
    uint16_t unit_a = 0;
    uint16_t unit_b = 0;
    const bool more_a = left.Next(&unit_a);
    const bool more_b = right.Next(&unit_b);
    if (!more_a || !more_b) return static_cast<int>(more_a) - static_cast<int>(more_b);
    if (unit_a != unit_b) return static_cast<int>(unit_a) - static_cast<int>(unit_b);
  }
}

}  // namespace topgun::crdt
