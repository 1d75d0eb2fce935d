// The few parts of protobuf's encoding that profiles need.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace topgun::profiling {

class ProtobufWriter {
 public:
  void Number(uint32_t field, uint64_t value) {
    if (value == 0) return;  // the default
    Varint(uint64_t{field} << 3);
    Varint(value);
  }
  void Signed(uint32_t field, int64_t value) { Number(field, static_cast<uint64_t>(value)); }
  void Bytes(uint32_t field, std::string_view bytes) {
    Varint((uint64_t{field} << 3) | 2);
    Varint(bytes.size());
    text_.append(bytes);
  }
  template <typename T>
  void Packed(uint32_t field, const std::vector<T>& values) {
    ProtobufWriter packed;
    for (const T value : values) packed.Varint(static_cast<uint64_t>(value));
    Bytes(field, packed.text_);
  }
  const std::string& text() const { return text_; }

 private:
  void Varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_.push_back(static_cast<char>(value | 0x80));
    text_.push_back(static_cast<char>(value));
  }

  std::string text_;
};

}  // namespace topgun::profiling
