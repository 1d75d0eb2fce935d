// MessagePack pull reader: one pass over borrowed bytes, no tree, no allocation.
//
// Implements what core.md 1.2-1.4 demands of input: lenient numbers (a float with a whole value
// is an integer), limits on depth and element count, never an allocation from a declared length.
// A Reader that met bad input stays failed: every later call returns false, so callers may check
// ok() once at the end. All string_views point into the input. Not thread-safe; values.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace topgun::msgpack {

enum class Type : uint8_t { kNil, kBool, kInt, kFloat, kStr, kBin, kArray, kMap, kExt, kInvalid };

// Nesting of containers above which a value is malformed (core.md 1.4).
inline constexpr uint32_t kDepthMax = 256;

class Reader {
 public:
  explicit Reader(std::string_view bytes) : begin_(bytes.data()), rest_(bytes) {}

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }
  // Byte offset of the next value, for slices and error texts.
  size_t position() const { return static_cast<size_t>(rest_.data() - begin_); }

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

  // Skips exactly one value, iteratively; fails on depth > kDepthMax, 0xc1, truncation.
  bool Skip();
  // Like Skip(), and returns the bytes of that value.
  bool ReadRaw(std::string_view* out);

 private:
  bool Fail();

  const char* begin_;
  std::string_view rest_;
  bool ok_ = true;
};

// OK iff `bytes` is exactly one well-formed value no deeper than kDepthMax (non-empty containers
// count, core.md 1.4).
Status Validate(std::string_view bytes);

}  // namespace topgun::msgpack
