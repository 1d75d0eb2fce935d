// MessagePack pull reader: one pass over borrowed bytes, no tree, no allocation.
//
// Implements what core.md 1.2-1.4 demands of input: lenient numbers (a float with a whole value
// is an integer), limits on depth and element count, never an allocation from a declared length.
// A Reader that met bad input stays failed: every later call returns false, so callers may check
// ok() once at the end; position() then tells where. All string_views point into the input.
// Values; not thread-safe.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace topgun::msgpack {

enum class Type : uint8_t { kNil, kBool, kInt, kFloat, kStr, kBin, kArray, kMap, kExt, kInvalid };

// Nesting of containers above which a value is malformed (core.md 1.4).
inline constexpr uint32_t kDepthMax = 256;

class Reader {
 public:
  explicit Reader(std::string_view bytes)
      : begin_(bytes.data()), next_(begin_), end_(begin_ + bytes.size()) {}

  bool ok() const { return ok_; }
  // True also after a failure, so that a loop over the input always ends.
  bool AtEnd() const { return next_ == end_; }
  // Byte offset of the next value, for slices and error texts.
  size_t position() const { return static_cast<size_t>(next_ - begin_); }

  // Kind of the next value; kInvalid at the end of input or on 0xc1.
  Type Peek() const;

  bool ReadNil();
  bool ReadBool(bool* out);
  // Any integer form; also a float32/float64 with a whole value inside the range.
  bool ReadInt64(int64_t* out);
  bool ReadUint64(uint64_t* out);
  // Any integer or float form.
  bool ReadNumber(double* out);
  bool ReadStr(std::string_view* out);
  bool ReadBin(std::string_view* out);
  // Fails when the declared count cannot fit in the bytes that are left.
  bool ReadArrayHeader(uint32_t* count);
  bool ReadMapHeader(uint32_t* count);
  bool ReadExt(int8_t* type, std::string_view* data);

  // Skips exactly one value, iteratively; fails on 0xc1, on truncation, and when the value's own
  // non-empty containers plus the `depth` ones the caller has already entered exceed kDepthMax.
  bool Skip(uint32_t depth = 0);
  // Like Skip(), and returns the bytes of that value.
  bool ReadRaw(std::string_view* out, uint32_t depth = 0);
  // The same, and tells whether every JavaScript client can decode the value: all keys are strings,
  // and there is no extension but type 0, by which clients write what is undefined (core.md 1.3).
  bool ReadRaw(std::string_view* out, bool* portable, uint32_t depth);

  // True iff a failure was the depth limit and not the bytes.
  bool too_deep() const { return too_deep_; }

 private:
  bool Fail() {
    ok_ = false;
    end_ = next_;
    return false;
  }

  uint8_t tag() const { return static_cast<uint8_t>(*next_); }
  size_t left() const { return static_cast<size_t>(end_ - next_); }

  template <typename T>
  bool ReadBigEndian(T* out);
  bool ReadSlice(size_t size, std::string_view* out);
  bool ReadSlice(size_t length_bytes, size_t extra, std::string_view* out);
  bool ReadLength(size_t length_bytes, size_t* out);
  bool ReadAnyInteger(bool* negative, uint64_t* bits);
  bool ReadFloat(double* out);
  bool ReadAnyNumber(double* out);
  bool ReadLongStr(std::string_view* out);
  bool ReadLongArrayHeader(uint32_t* count);
  bool ReadLongMapHeader(uint32_t* count);
  bool SkipHead(size_t* children);
  template <bool kWatch>
  bool Walk(uint32_t depth, bool* portable);
  bool IsPortable(bool is_key) const;

  const char* begin_;
  const char* next_;
  const char* end_;
  bool ok_ = true;
  bool too_deep_ = false;
};

// OK iff `bytes` is exactly one well-formed value no deeper than kDepthMax (non-empty containers
// count, core.md 1.4).
Status Validate(std::string_view bytes);

// Implementation: the forms nearly every value of a frame has, inlined for the decoders. Clients
// write all maps with 16-bit counts, and times as 64-bit floats (core.md 1.2).

namespace internal {

constexpr Type TypeOfTag(uint8_t tag) {
  if (tag <= 0x7f || tag >= 0xe0) return Type::kInt;
  if (tag <= 0x8f) return Type::kMap;
  if (tag <= 0x9f) return Type::kArray;
  if (tag <= 0xbf) return Type::kStr;
  constexpr std::array<Type, 32> kTail = {
      Type::kNil,   Type::kInvalid, Type::kBool, Type::kBool,  Type::kBin,   Type::kBin, Type::kBin,
      Type::kExt,   Type::kExt,     Type::kExt,  Type::kFloat, Type::kFloat, Type::kInt, Type::kInt,
      Type::kInt,   Type::kInt,     Type::kInt,  Type::kInt,   Type::kInt,   Type::kInt, Type::kExt,
      Type::kExt,   Type::kExt,     Type::kExt,  Type::kExt,   Type::kStr,   Type::kStr, Type::kStr,
      Type::kArray, Type::kArray,   Type::kMap,  Type::kMap};
  return kTail[tag - 0xc0U];
}

// One load instead of a chain of comparisons.
inline constexpr std::array<Type, 256> kTypes = [] {
  std::array<Type, 256> types{};
  for (size_t tag = 0; tag < types.size(); ++tag) types[tag] = TypeOfTag(static_cast<uint8_t>(tag));
  return types;
}();

// The loop is recognised by the compilers as a load and a byte swap.
template <typename T>
T LoadBigEndian(const char* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>((uint64_t{value} << 8U) | static_cast<uint8_t>(bytes[i]));
  }
  return value;
}

}  // namespace internal

inline Type Reader::Peek() const {
  return next_ == end_ ? Type::kInvalid : internal::kTypes[tag()];
}

inline bool Reader::ReadStr(std::string_view* out) {
  if (next_ == end_) return Fail();
  const uint8_t head = tag();
  if ((head & 0xe0U) != 0xa0U) return ReadLongStr(out);
  const size_t size = head & 0x1fU;
  if (size >= left()) return Fail();
  *out = {next_ + 1, size};
  next_ += 1 + size;
  return true;
}

inline bool Reader::ReadNumber(double* out) {
  if (next_ == end_) return Fail();
  const uint8_t head = tag();
  if (head <= 0x7f) {
    *out = head;
    ++next_;
    return true;
  }
  if (head != 0xcb || left() < 9) return ReadAnyNumber(out);
  *out = std::bit_cast<double>(internal::LoadBigEndian<uint64_t>(next_ + 1));
  next_ += 9;
  return true;
}

inline bool Reader::ReadMapHeader(uint32_t* count) {
  if (next_ == end_) return Fail();
  const uint8_t head = tag();
  if (head == 0xde && left() >= 3) {
    const uint32_t pairs = internal::LoadBigEndian<uint16_t>(next_ + 1);
    next_ += 3;
    if (pairs > left() / 2) return Fail();
    *count = pairs;
    return true;
  }
  if ((head & 0xf0U) != 0x80U) return ReadLongMapHeader(count);
  *count = head & 0x0fU;
  if (size_t{*count} * 2 >= left()) return Fail();
  ++next_;
  return true;
}

inline bool Reader::ReadArrayHeader(uint32_t* count) {
  if (next_ == end_) return Fail();
  const uint8_t head = tag();
  if ((head & 0xf0U) != 0x90U) return ReadLongArrayHeader(count);
  if ((head & 0x0fU) >= left()) return Fail();
  *count = head & 0x0fU;
  ++next_;
  return true;
}

}  // namespace topgun::msgpack
