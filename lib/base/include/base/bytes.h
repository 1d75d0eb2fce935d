// Primitive binary encoding used by the cell, feed and field layouts (docs/state-layout.md):
// LEB128 varints and length-prefixed byte strings. Reading never looks past the end and never
// allocates; a Cursor that met bad input stays failed. Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun {

inline constexpr size_t kVarintBytesMax = 10;

// Writes to a buffer with room for kVarintBytesMax; returns its new end.
inline char* PutVarint(char* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out++ = static_cast<char>((value & 0x7f) | 0x80);
  *out++ = static_cast<char>(value);
  return out;
}
void AppendVarint(std::string& out, uint64_t value);
void AppendBytes(std::string& out, std::string_view bytes);  // varint length, then the bytes

class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes) : rest_(bytes) {}

  uint8_t ReadByte() {
    if (rest_.empty()) {
      Fail();
      return 0;
    }
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }
  uint64_t ReadVarint() {
    const bool is_short = !rest_.empty() && static_cast<uint8_t>(rest_.front()) < 0x80;
    return is_short ? ReadByte() : ReadLongVarint();
  }
  std::string_view ReadBytes() { return ReadRaw(ReadVarint()); }  // varint length, then the bytes
  std::string_view ReadRaw(size_t count) {                        // exactly count bytes
    if (count > rest_.size()) {
      Fail();
      return {};
    }
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  void Fail() {
    ok_ = false;
    rest_ = {};
  }

  uint64_t ReadLongVarint();

  std::string_view rest_;
  bool ok_ = true;
};

std::string ToHex(std::string_view bytes);

}  // namespace topgun
