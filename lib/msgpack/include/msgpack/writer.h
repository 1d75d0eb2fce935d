// MessagePack writer that appends to a caller-owned string.
//
// Two renderings of the same content (core.md 1.2, 1.3): kCompact uses shortest forms and 64-bit
// integers (what the server sends), kClient is byte for byte what the TypeScript client emits
// (map16 always, integers outside 32 bits as float64). Writing cannot fail; counts are promises of
// the caller. Values; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun::msgpack {

enum class Rendering : uint8_t { kCompact, kClient };

class Writer {
 public:
  explicit Writer(std::string& out, Rendering rendering = Rendering::kCompact)
      : out_(out), rendering_(rendering) {}

  void Nil() { PutByte(0xc0); }
  void Bool(bool value) { PutByte(value ? 0xc3 : 0xc2); }
  void Int(int64_t value);
  void Uint(uint64_t value);
  // A JavaScript number: whole values become integers as the rendering says (so 3.0 is 03 and -0
  // is 00), everything else float64.
  void Number(double value);
  void Float64(double value);  // always cb
  void Str(std::string_view value);
  void Bin(std::string_view value);
  void ArrayHeader(uint32_t count);
  void MapHeader(uint32_t count);
  void Raw(std::string_view value) { out_.append(value); }  // one already encoded value

  std::string& out() { return out_; }
  Rendering rendering() const { return rendering_; }

 private:
  void PutByte(uint8_t byte) { out_.push_back(static_cast<char>(byte)); }
  template <typename T>
  void PutTagged(uint8_t tag, T value);
  void PutLength(uint8_t tag_of_8, size_t size);

  std::string& out_;
  Rendering rendering_;
};

}  // namespace topgun::msgpack
