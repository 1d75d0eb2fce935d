// Primitive binary encoding used by the cell, feed and field layouts (docs/state-layout.md):
// LEB128 varints and length-prefixed byte strings. Reading never looks past the end and never
// allocates; a Cursor that met bad input stays failed. Values; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun {

void AppendVarint(std::string& out, uint64_t value);
void AppendBytes(std::string& out, std::string_view bytes);  // varint length, then the bytes

class ByteCursor {
 public:
  explicit ByteCursor(std::string_view bytes) : rest_(bytes) {}

  uint8_t ReadByte();
  uint64_t ReadVarint();
  std::string_view ReadBytes();            // varint length, then the bytes
  std::string_view ReadRaw(size_t count);  // exactly count bytes

  bool ok() const { return ok_; }
  bool AtEnd() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  void Fail() {
    ok_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::string ToHex(std::string_view bytes);

}  // namespace topgun
