#include "msgpack/writer.h"

#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "integer_range.h"

namespace topgun::msgpack {

template <typename T>
void Writer::PutTagged(uint8_t tag, T value) {
  std::array<char, 1 + sizeof(T)> bytes;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  bytes[0] = static_cast<char>(tag);
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes[sizeof(T) - i] = static_cast<char>(value >> (8 * i));
  }
  out_.append(bytes.data(), bytes.size());
}

void Writer::Uint(uint64_t value) {
  if (value <= 0x7f) return PutByte(static_cast<uint8_t>(value));
  if (value <= UINT8_MAX) return PutTagged(0xcc, static_cast<uint8_t>(value));
  if (value <= UINT16_MAX) return PutTagged(0xcd, static_cast<uint16_t>(value));
  if (value <= UINT32_MAX) return PutTagged(0xce, static_cast<uint32_t>(value));
  if (rendering_ == Rendering::kClient) return Float64(static_cast<double>(value));
  PutTagged(0xcf, value);
}

void Writer::Int(int64_t value) {
  if (value >= 0) return Uint(static_cast<uint64_t>(value));
  if (value >= -32) return PutByte(static_cast<uint8_t>(value));
  if (value >= INT8_MIN) return PutTagged(0xd0, static_cast<uint8_t>(value));
  if (value >= INT16_MIN) return PutTagged(0xd1, static_cast<uint16_t>(value));
  if (value >= INT32_MIN) return PutTagged(0xd2, static_cast<uint32_t>(value));
  if (rendering_ == Rendering::kClient) return Float64(static_cast<double>(value));
  PutTagged(0xd3, static_cast<uint64_t>(value));
}

void Writer::Float64(double value) { PutTagged(0xcb, std::bit_cast<uint64_t>(value)); }

void Writer::Number(double value) {
  // JavaScript has one NaN; ours may carry a sign or payload.
  if (std::isnan(value)) return Float64(std::numeric_limits<double>::quiet_NaN());
  if (value != std::trunc(value) || !(value >= -kTwoPow63 && value < kTwoPow64)) {
    return Float64(value);
  }
  if (value < 0) return Int(static_cast<int64_t>(value));
  Uint(static_cast<uint64_t>(value));
}

// Length fields of 8, 16 and 32 bits have consecutive tags in every family.
void Writer::PutLength(uint8_t tag_of_8, size_t size) {
  if (size <= UINT8_MAX) return PutTagged(tag_of_8, static_cast<uint8_t>(size));
  if (size <= UINT16_MAX) {
    return PutTagged(static_cast<uint8_t>(tag_of_8 + 1), static_cast<uint16_t>(size));
  }
  PutTagged(static_cast<uint8_t>(tag_of_8 + 2), static_cast<uint32_t>(size));
}

void Writer::Str(std::string_view value) {
  if (value.size() < 32) {
    PutByte(static_cast<uint8_t>(0xa0U | value.size()));
  } else {
    PutLength(0xd9, value.size());
  }
  out_.append(value);
}

void Writer::Bin(std::string_view value) {
  PutLength(0xc4, value.size());
  out_.append(value);
}

void Writer::ArrayHeader(uint32_t count) {
  if (count < 16) return PutByte(static_cast<uint8_t>(0x90U | count));
  if (count <= UINT16_MAX) return PutTagged(0xdc, static_cast<uint16_t>(count));
  PutTagged(0xdd, count);
}

void Writer::MapHeader(uint32_t count) {
  if (count < 16 && rendering_ == Rendering::kCompact) {
    return PutByte(static_cast<uint8_t>(0x80U | count));
  }
  if (count <= UINT16_MAX) return PutTagged(0xde, static_cast<uint16_t>(count));
  PutTagged(0xdf, count);
}

}  // namespace topgun::msgpack
