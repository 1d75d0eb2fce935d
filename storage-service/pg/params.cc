#include "pg/params.h"

#include <cstring>
#include <utility>

#include "pg/big_endian.h"

namespace topgun::pg {
namespace {

constexpr size_t kLengthBytes = 4;  // before each element
// Dimensions, whether there are NULLs, type of the elements; and size and lower bound if there is a
// dimension.
constexpr size_t kEmptyHeaderBytes = 12;
constexpr size_t kHeaderBytes = kEmptyHeaderBytes + 8;

uint32_t ArrayTypeOf(Type element) {
  switch (element) {
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
  }
  return 0;
}

template <typename T>
void AppendElement(std::string& out, T value) {
  char element[kLengthBytes + sizeof value];
  PutBigEndian(element, uint32_t{sizeof value});
  PutBigEndian(element + kLengthBytes, value);
  out.append(element, sizeof element);
}

}  // namespace

// The header's place is kept free, so that the elements need not move when it is written.
Array::Array(Type element) : element_(element), data_(kHeaderBytes, '\0') {}

void Array::Reserve(size_t count, size_t bytes) {
  data_.reserve(kHeaderBytes + count * kLengthBytes + bytes);
}

void Array::AddInt2(int16_t value) {
  ++count_;
  AppendElement(data_, value);
}

void Array::AddInt8(int64_t value) {
  ++count_;
  AppendElement(data_, value);
}

void Array::AddBytes(std::string_view value) {
  ++count_;
  AppendBigEndian(data_, static_cast<uint32_t>(value.size()));
  data_.append(value);
}

// Elements that are all as long as the first are equal when the bytes repeat from one to the next.
bool Array::uniform() const {
  if (count_ == 0) return false;
  const std::string_view elements = std::string_view(data_).substr(kHeaderBytes);
  const size_t stride =
      kLengthBytes + static_cast<size_t>(ReadBigEndian(elements.substr(0, kLengthBytes)));
  return elements.size() == stride * count_ &&
         std::memcmp(elements.data(), elements.data() + stride, elements.size() - stride) == 0;
}

std::string_view Array::first() const {
  const size_t stride = (data_.size() - kHeaderBytes) / count_;
  return std::string_view(data_).substr(kHeaderBytes + kLengthBytes, stride - kLengthBytes);
}

std::string Array::Take() {
  char* header = data_.data();
  header = PutBigEndian(header, uint32_t{count_ == 0 ? 0u : 1u});  // dimensions
  header = PutBigEndian(header, uint32_t{0});                      // no NULLs
  header = PutBigEndian(header, static_cast<uint32_t>(element_));
  if (count_ == 0) {
    data_.resize(kEmptyHeaderBytes);
  } else {
    header = PutBigEndian(header, count_);
    PutBigEndian(header, uint32_t{1});  // lower bound
  }
  return std::move(data_);
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
