// Network byte order, as Postgres' binary format wants it. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace topgun::pg {

// Writes to a buffer with room for it; returns its new end.
template <typename T>
char* PutBigEndian(char* out, T value) {
  using Bits = std::make_unsigned_t<T>;
  const Bits bits = static_cast<Bits>(value);
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    *out++ = static_cast<char>((bits >> shift) & 0xff);
  }
  return out;
}

template <typename T>
void AppendBigEndian(std::string& out, T value) {
  char bytes[sizeof value];
  PutBigEndian(bytes, value);
  out.append(bytes, sizeof bytes);
}

// Of at most eight bytes, sign extended.
inline int64_t ReadBigEndian(std::string_view bytes) {
  uint64_t bits = !bytes.empty() && (static_cast<uint8_t>(bytes.front()) & 0x80) ? ~uint64_t{0} : 0;
  for (const char byte : bytes) bits = (bits << 8) | static_cast<uint8_t>(byte);
  return static_cast<int64_t>(bits);
}

}  // namespace topgun::pg
