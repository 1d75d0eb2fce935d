// Parameters and rows of Postgres in its binary format.
//
// Params owns the values of one statement; arrays travel as one binary value, so that thousands of
// rows are a handful of parameters to `unnest`. Values; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::pg {

// Type numbers of pg_type that this service uses; they are part of Postgres' protocol.
enum class Type : uint32_t {
  kBytea = 17,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
};

// One array value, built element by element.
class Array {
 public:
  explicit Array(Type element);

  // Room for elements of so many bytes together.
  void Reserve(size_t count, size_t bytes);
  void AddInt2(int16_t value);
  void AddInt8(int64_t value);
  void AddInt8(uint64_t value) { AddInt8(static_cast<int64_t>(value)); }
  void AddBytes(std::string_view value);  // bytea and text

  Type element() const { return element_; }
  size_t size() const { return count_; }
  // Whether there are elements, and all of them are one value.
  bool uniform() const;
  std::string_view first() const;  // of a uniform array
  // The finished value; the array is spent.
  std::string Take();

 private:
  const Type element_;
  uint32_t count_ = 0;
  std::string data_;
};

class Params {
 public:
  Params& Int2(int64_t value);
  Params& Int4(int64_t value);
  Params& Int8(int64_t value);
  Params& Int8(uint64_t value) { return Int8(static_cast<int64_t>(value)); }
  Params& Text(std::string_view value);
  Params& Bytea(std::string_view value);
  Params& Add(Array array);
  Params& AddFirst(const Array& uniform);  // its value, no array

  int count() const { return static_cast<int>(values_.size()); }
  const std::vector<uint32_t>& types() const { return types_; }
  const std::vector<std::string>& values() const { return values_; }

 private:
  std::vector<uint32_t> types_;
  std::vector<std::string> values_;
};

}  // namespace topgun::pg
