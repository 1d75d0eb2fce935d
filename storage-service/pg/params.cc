#include "pg/params.h"

#include <bit>
#include <cstring>

#include "pg/big_endian.h"

namespace topgun::pg {
namespace {

constexpr size_t kLengthBytes = 4;  // before each element

uint32_t ArrayTypeOf(Type element) {
  switch (element) {
    case Type::kBool:
      return 1000;
    case Type::kBytea:
      return 1001;
    case Type::kInt8:
      return 1016;
    case Type::kInt2:
      return 1005;
    case Type::kInt4:
      return 1007;
    case Type::kText:
      return 1009;
    case Type::kFloat8:
      return 1022;
  }
  return 0;
}

}  // namespace

Array::Array(Type element) : element_(element) {}

void Array::BeginElement(size_t bytes) {
  ++count_;
  AppendBigEndian(data_, static_cast<int32_t>(bytes));
}

void Array::AddBool(bool value) {
  BeginElement(1);
  data_.push_back(value ? '\1' : '\0');
}

void Array::AddInt2(int16_t value) {
  BeginElement(sizeof value);
  AppendBigEndian(data_, value);
}

void Array::AddInt8(int64_t value) {
  BeginElement(sizeof value);
  AppendBigEndian(data_, value);
}

void Array::AddFloat8(double value) {
  BeginElement(sizeof value);
  AppendBigEndian(data_, std::bit_cast<uint64_t>(value));
}

void Array::AddBytes(std::string_view value) {
  BeginElement(value.size());
  data_.append(value);
}

void Array::AddNull() {
  ++count_;
  has_null_ = true;
  AppendBigEndian(data_, int32_t{-1});
}

// Elements that are all as long as the first are equal when the bytes repeat from one to the next.
bool Array::uniform() const {
  if (count_ == 0 || has_null_) return false;
  const size_t stride =
      kLengthBytes + static_cast<size_t>(ReadBigEndian({data_.data(), kLengthBytes}));
  return data_.size() == stride * count_ &&
         std::memcmp(data_.data(), data_.data() + stride, data_.size() - stride) == 0;
}

std::string_view Array::first() const {
  return std::string_view(data_).substr(kLengthBytes, data_.size() / count_ - kLengthBytes);
}

std::string Array::Take() {
  std::string out;
  out.reserve(20 + data_.size());
  AppendBigEndian(out, int32_t{count_ == 0 ? 0 : 1});  // dimensions
  AppendBigEndian(out, int32_t{has_null_ ? 1 : 0});
  AppendBigEndian(out, static_cast<uint32_t>(element_));
  if (count_ != 0) {
    AppendBigEndian(out, count_);
    AppendBigEndian(out, int32_t{1});  // lower bound
  }
  out.append(data_);
  data_.clear();
  return out;
}

Params& Params::Int2(int64_t value) {
  types_.push_back(static_cast<uint32_t>(Type::kInt2));
  AppendBigEndian(values_.emplace_back(), static_cast<int16_t>(value));
  return *this;
}

Params& Params::Int4(int64_t value) {
  types_.push_back(static_cast<uint32_t>(Type::kInt4));
  AppendBigEndian(values_.emplace_back(), static_cast<int32_t>(value));
  return *this;
}

Params& Params::Int8(int64_t value) {
  types_.push_back(static_cast<uint32_t>(Type::kInt8));
  AppendBigEndian(values_.emplace_back(), value);
  return *this;
}

Params& Params::Text(std::string_view value) {
  types_.push_back(static_cast<uint32_t>(Type::kText));
  values_.emplace_back(value);
  return *this;
}

Params& Params::Bytea(std::string_view value) {
  types_.push_back(static_cast<uint32_t>(Type::kBytea));
  values_.emplace_back(value);
  return *this;
}

Params& Params::Add(Array array) {
  types_.push_back(ArrayTypeOf(array.element()));
  values_.push_back(array.Take());
  return *this;
}

Params& Params::AddFirst(const Array& uniform) {
  types_.push_back(static_cast<uint32_t>(uniform.element()));
  values_.emplace_back(uniform.first());
  return *this;
}

}  // namespace topgun::pg
