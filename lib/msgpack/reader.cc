#include "msgpack/reader.h"

#include <bit>
#include <bitset>
#include <cmath>
#include <cstring>
#include <string>

#include "integer_range.h"

namespace topgun::msgpack {
namespace {

// Width of the length field by the low bits of a tag: 0 -> 1, 1 -> 2, 2 -> 4 bytes.
constexpr size_t LengthBytes(uint8_t step) { return size_t{1} << step; }

// Bytes of values whose tag alone tells their size; 0 for all others.
constexpr std::array<uint8_t, 256> kFixedSizes = [] {
  std::array<uint8_t, 256> sizes{};
  for (size_t tag = 0x00; tag <= 0x7f; ++tag) sizes[tag] = 1;
  for (size_t tag = 0xe0; tag <= 0xff; ++tag) sizes[tag] = 1;
  for (size_t tag = 0xa0; tag <= 0xbf; ++tag) sizes[tag] = static_cast<uint8_t>(1 + (tag & 0x1fU));
  for (const size_t tag : {0x80, 0x90, 0xc0, 0xc2, 0xc3}) sizes[tag] = 1;  // empty, nil, bool
  sizes[0xca] = 5;
  sizes[0xcb] = 9;
  for (size_t step = 0; step < 4; ++step) {
    sizes[0xcc + step] = sizes[0xd0 + step] = static_cast<uint8_t>(1 + (size_t{1} << step));
  }
  for (size_t step = 0; step < 5; ++step) {  // fixext
    sizes[0xd4 + step] = static_cast<uint8_t>(2 + (size_t{1} << step));
  }
  return sizes;
}();

}  // namespace

// Reads the payload of a number whose tag is the next byte.
template <typename T>
bool Reader::ReadBigEndian(T* out) {
  if (left() < 1 + sizeof(T)) return Fail();
  *out = internal::LoadBigEndian<T>(next_ + 1);
  next_ += 1 + sizeof(T);
  return true;
}

bool Reader::ReadNil() {
  if (next_ == end_ || tag() != 0xc0) return Fail();
  next_ += 1;
  return true;
}

bool Reader::ReadBool(bool* out) {
  if (Peek() != Type::kBool) return Fail();
  *out = tag() == 0xc3;
  next_ += 1;
  return true;
}

// `bits` is the value in two's complement; `negative` tells whether it is below zero, which
// separates -1 from 2^64-1.
bool Reader::ReadAnyInteger(bool* negative, uint64_t* bits) {
  const uint8_t head = tag();
  if (head <= 0x7f || head >= 0xe0) {
    *negative = head >= 0xe0;
    *bits = static_cast<uint64_t>(int64_t{static_cast<int8_t>(head)});
    next_ += 1;
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

bool Reader::ReadAnyNumber(double* out) {
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
  if (left() < size) return Fail();
  *out = {next_, size};
  next_ += size;
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
    next_ += 1;
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
  if (items > left()) return Fail();
  *count = static_cast<uint32_t>(items);
  return true;
}

bool Reader::ReadLongMapHeader(uint32_t* count) {
  const uint8_t head = tag();
  size_t pairs = 0;
  if (head != 0xde && head != 0xdf) return Fail();
  if (!ReadLength(head == 0xde ? 2 : 4, &pairs)) return false;
  if (pairs > left() / 2) return Fail();
  *count = static_cast<uint32_t>(pairs);
  return true;
}

// Skips a value whose tag does not tell its size, or the header of a container; `children` is how
// many values then follow.
bool Reader::SkipHead(size_t* children) {
  *children = 0;
  std::string_view ignored;
  uint32_t count = 0;
  switch (Peek()) {
    case Type::kStr:
      return ReadLongStr(&ignored);
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
    default:
      return Fail();
  }
}

// Of the next value itself; there is one.
bool Reader::IsPortable(bool is_key) const {
  const Type type = Peek();
  if (is_key && type != Type::kStr) return false;
  return type != Type::kExt || (tag() >= 0xd4 && left() > 1 && next_[1] == 0);
}

bool Reader::Skip(uint32_t depth) { return Walk<false>(depth, nullptr); }

template <bool kWatch>
bool Reader::Walk(uint32_t depth, bool* portable) {
  // Values still to come at each open level around the innermost one. Only the used part is ever
  // touched, so a scalar costs nothing; recursion would let the peer choose our stack depth.
  std::array<size_t, kDepthMax> around;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  // By level; a key is due when `to_come` is even.
  [[maybe_unused]] std::bitset<kDepthMax + 1> is_map;
  size_t level = 0;
  size_t to_come = 1;
  for (;;) {
    for (; to_come > 0; --to_come) {
      if (next_ == end_) return Fail();
      if constexpr (kWatch) {
        *portable = *portable && IsPortable(is_map[level] && to_come % 2 == 0);
      }
      const size_t size = kFixedSizes[tag()];
      if (size == 0) break;
      if (size > left()) return Fail();
      next_ += size;
    }
    if (to_come == 0) {
      if (level == 0) return true;
      to_come = around[--level];
      continue;
    }
    size_t children = 0;
    [[maybe_unused]] const bool opens_map = Peek() == Type::kMap;
    if (!SkipHead(&children)) return false;
    --to_come;
    if (children == 0) continue;
    if (level + depth >= kDepthMax) {
      too_deep_ = true;
      return Fail();
    }
    around[level++] = to_come;
    to_come = children;
    if constexpr (kWatch) is_map[level] = opens_map;
  }
}

bool Reader::ReadRaw(std::string_view* out, bool* portable, uint32_t depth) {
  const char* const start = next_;
  *portable = true;
  if (!Walk<true>(depth, portable)) return false;
  *out = {start, static_cast<size_t>(next_ - start)};
  return true;
}

bool Reader::ReadRaw(std::string_view* out, uint32_t depth) {
  const char* const start = next_;
  if (!Skip(depth)) return false;
  *out = {start, static_cast<size_t>(next_ - start)};
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
