#include "msgpack/reader.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

namespace topgun::msgpack {
namespace {

constexpr double kTwoPow63 = 9223372036854775808.0;
constexpr double kTwoPow64 = 18446744073709551616.0;

// Width of the length field by the low bits of a tag: 0 -> 1, 1 -> 2, 2 -> 4 bytes.
constexpr size_t LengthBytes(uint8_t step) { return size_t{1} << step; }

// The loop is recognised by the compilers as a load and a byte swap.
template <typename T>
T LoadBigEndian(const char* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>((uint64_t{value} << 8U) | static_cast<uint8_t>(bytes[i]));
  }
  return value;
}

}  // namespace

// Reads the payload of a number whose tag is the next byte.
template <typename T>
bool Reader::ReadBigEndian(T* out) {
  if (rest_.size() < 1 + sizeof(T)) return Fail();
  *out = LoadBigEndian<T>(rest_.data() + 1);
  Advance(1 + sizeof(T));
  return true;
}

bool Reader::ReadNil() {
  if (rest_.empty() || tag() != 0xc0) return Fail();
  Advance(1);
  return true;
}

bool Reader::ReadBool(bool* out) {
  if (Peek() != Type::kBool) return Fail();
  *out = tag() == 0xc3;
  Advance(1);
  return true;
}

// `bits` is the value in two's complement; `negative` tells whether it is below zero, which
// separates -1 from 2^64-1.
bool Reader::ReadAnyInteger(bool* negative, uint64_t* bits) {
  const uint8_t head = tag();
  if (head <= 0x7f || head >= 0xe0) {
    *negative = head >= 0xe0;
    *bits = static_cast<uint64_t>(int64_t{static_cast<int8_t>(head)});
    Advance(1);
    return true;
  }
  uint8_t narrow = 0;
  uint16_t half = 0;
  uint32_t word = 0;
  bool read = false;
  switch (head & 3U) {  // cc..cf and d0..d3: 1, 2, 4, 8 bytes
    case 0:
      read = ReadBigEndian(&narrow);
      *bits = head >= 0xd0 ? static_cast<uint64_t>(int64_t{static_cast<int8_t>(narrow)}) : narrow;
      break;
    case 1:
      read = ReadBigEndian(&half);
      *bits = head >= 0xd0 ? static_cast<uint64_t>(int64_t{static_cast<int16_t>(half)}) : half;
      break;
    case 2:
      read = ReadBigEndian(&word);
      *bits = head >= 0xd0 ? static_cast<uint64_t>(int64_t{static_cast<int32_t>(word)}) : word;
      break;
    default:
      read = ReadBigEndian(bits);
      break;
  }
  *negative = head >= 0xd0 && static_cast<int64_t>(*bits) < 0;
  return read;
}

bool Reader::ReadFloat(double* out) {
  if (tag() == 0xca) {
    uint32_t bits = 0;
    if (!ReadBigEndian(&bits)) return false;
    *out = double{std::bit_cast<float>(bits)};
    return true;
  }
  uint64_t bits = 0;
  if (!ReadBigEndian(&bits)) return false;
  *out = std::bit_cast<double>(bits);
  return true;
}

bool Reader::ReadInt64(int64_t* out) {
  switch (Peek()) {
    case Type::kInt: {
      bool negative = false;
      uint64_t bits = 0;
      if (!ReadAnyInteger(&negative, &bits)) return false;
      if (!negative && bits > uint64_t{INT64_MAX}) return Fail();
      *out = static_cast<int64_t>(bits);
      return true;
    }
    case Type::kFloat: {
      double value = 0;
      if (!ReadFloat(&value)) return false;
      if (!(value >= -kTwoPow63 && value < kTwoPow63) || value != std::trunc(value)) return Fail();
      *out = static_cast<int64_t>(value);
      return true;
    }
    default:
      return Fail();
  }
}

bool Reader::ReadUint64(uint64_t* out) {
  switch (Peek()) {
    case Type::kInt: {
      bool negative = false;
      if (!ReadAnyInteger(&negative, out)) return false;
      return negative ? Fail() : true;
    }
    case Type::kFloat: {
      double value = 0;
      if (!ReadFloat(&value)) return false;
      if (!(value >= 0 && value < kTwoPow64) || value != std::trunc(value)) return Fail();
      *out = static_cast<uint64_t>(value);
      return true;
    }
    default:
      return Fail();
  }
}

bool Reader::ReadNumber(double* out) {
  switch (Peek()) {
    case Type::kInt: {
      bool negative = false;
      uint64_t bits = 0;
      if (!ReadAnyInteger(&negative, &bits)) return false;
      *out = negative ? static_cast<double>(static_cast<int64_t>(bits)) : static_cast<double>(bits);
      return true;
    }
    case Type::kFloat:
      return ReadFloat(out);
    default:
      return Fail();
  }
}

// Reads tag and length field; the bytes that follow are still to be read.
bool Reader::ReadLength(size_t length_bytes, size_t* out) {
  uint8_t narrow = 0;
  uint16_t half = 0;
  uint32_t word = 0;
  bool read = false;
  switch (length_bytes) {
    case 1:
      read = ReadBigEndian(&narrow);
      *out = narrow;
      break;
    case 2:
      read = ReadBigEndian(&half);
      *out = half;
      break;
    default:
      read = ReadBigEndian(&word);
      *out = word;
      break;
  }
  return read;
}

bool Reader::ReadSlice(size_t size, std::string_view* out) {
  if (rest_.size() < size) return Fail();
  *out = {rest_.data(), size};
  Advance(size);
  return true;
}

// `extra` bytes (the type of an ext) come between the length field and the payload.
bool Reader::ReadSlice(size_t length_bytes, size_t extra, std::string_view* out) {
  size_t size = 0;
  return ReadLength(length_bytes, &size) && ReadSlice(size + extra, out);
}

bool Reader::ReadLongStr(std::string_view* out) {
  const uint8_t head = tag();
  if (head < 0xd9 || head > 0xdb) return Fail();
  return ReadSlice(LengthBytes(static_cast<uint8_t>(head - 0xd9)), 0, out);
}

bool Reader::ReadBin(std::string_view* out) {
  if (Peek() != Type::kBin) return Fail();
  return ReadSlice(LengthBytes(static_cast<uint8_t>(tag() - 0xc4)), 0, out);
}

bool Reader::ReadExt(int8_t* type, std::string_view* data) {
  if (Peek() != Type::kExt) return Fail();
  const uint8_t head = tag();
  std::string_view body;
  if (head >= 0xd4) {  // fixext 1, 2, 4, 8, 16
    Advance(1);
    if (!ReadSlice(1 + (size_t{1} << (head - 0xd4U)), &body)) return false;
  } else if (!ReadSlice(LengthBytes(static_cast<uint8_t>(head - 0xc7)), 1, &body)) {
    return false;
  }
  *type = static_cast<int8_t>(body.front());
  *data = {body.data() + 1, body.size() - 1};
  return true;
}

bool Reader::ReadLongArrayHeader(uint32_t* count) {
  const uint8_t head = tag();
  size_t items = 0;
  if (head != 0xdc && head != 0xdd) return Fail();
  if (!ReadLength(head == 0xdc ? 2 : 4, &items)) return false;
  if (items > rest_.size()) return Fail();
  *count = static_cast<uint32_t>(items);
  return true;
}

bool Reader::ReadLongMapHeader(uint32_t* count) {
  const uint8_t head = tag();
  size_t pairs = 0;
  if (head != 0xde && head != 0xdf) return Fail();
  if (!ReadLength(head == 0xde ? 2 : 4, &pairs)) return false;
  if (pairs > rest_.size() / 2) return Fail();
  *count = static_cast<uint32_t>(pairs);
  return true;
}

// Skips a scalar, or the header of a container; `children` is how many values then follow.
bool Reader::SkipHead(size_t* children) {
  *children = 0;
  std::string_view ignored;
  uint32_t count = 0;
  switch (Peek()) {
    case Type::kNil:
    case Type::kBool:
      Advance(1);
      return true;
    case Type::kInt: {
      const uint8_t head = tag();
      const bool fix = head <= 0x7f || head >= 0xe0;
      return ReadSlice(fix ? 1 : 1 + (size_t{1} << (head & 3U)), &ignored);
    }
    case Type::kFloat:
      return ReadSlice(tag() == 0xca ? 5 : 9, &ignored);
    case Type::kStr:
      return ReadStr(&ignored);
    case Type::kBin:
      return ReadBin(&ignored);
    case Type::kExt: {
      int8_t type = 0;
      return ReadExt(&type, &ignored);
    }
    case Type::kArray:
      if (!ReadArrayHeader(&count)) return false;
      *children = count;
      return true;
    case Type::kMap:
      if (!ReadMapHeader(&count)) return false;
      *children = size_t{count} * 2;
      return true;
    case Type::kInvalid:
      break;
  }
  return Fail();
}

bool Reader::Skip(uint32_t depth) {
  // Values still to come at each open level. Only the used part is ever touched, so a scalar
  // costs nothing; recursion would let the peer choose our stack depth.
  std::array<size_t, kDepthMax> left;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  size_t level = 0;
  size_t children = 0;
  for (;;) {
    if (!SkipHead(&children)) return false;
    if (children > 0) {
      if (level + depth >= kDepthMax) {
        too_deep_ = true;
        return Fail();
      }
      left[level++] = children;
    }
    while (level > 0 && left[level - 1] == 0) --level;
    if (level == 0) return true;
    --left[level - 1];
  }
}

bool Reader::ReadRaw(std::string_view* out, uint32_t depth) {
  const char* const start = rest_.data();
  if (!Skip(depth)) return false;
  *out = {start, static_cast<size_t>(rest_.data() - start)};
  return true;
}

Status Validate(std::string_view bytes) {
  Reader reader(bytes);
  if (!reader.Skip()) {
    const std::string_view what = reader.too_deep() ? "nested deeper than 256" : "malformed";
    return InvalidArgument(std::string("msgpack: ")
                               .append(what)
                               .append(" at byte ")
                               .append(std::to_string(reader.position())));
  }
  if (!reader.AtEnd()) {
    return InvalidArgument("msgpack: bytes after the value at " +
                           std::to_string(reader.position()));
  }
  return OkStatus();
}

}  // namespace topgun::msgpack
