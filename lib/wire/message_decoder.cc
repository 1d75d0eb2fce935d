#include "message_decoder.h"

namespace topgun::wire {

using Found = FrameReader::Found;
using msgpack::Type;

bool MessageReader::SameType() {
  if (type_name_.empty()) return reader_.Skip();
  std::string_view name;
  if (reader_.TryStr(&name) == Found::kBroken) return false;
  type_differs_ = name != type_name_;
  return !type_differs_ || reader_.Fail(DecodeError::kUnknownType);
}

std::string_view TypeInFront(std::string_view frame) {
  FrameReader reader(frame);
  std::string_view name;
  if (reader.Peek() != Type::kMap) return name;
  reader.Map([&](std::string_view key) {
    if (Is(key, "type")) reader.TryStr(&name);
    return false;  // one key is enough
  });
  return name;
}

DecodeResult FindType(std::string_view frame, std::string_view* name) {
  FrameReader reader(frame);
  *name = {};
  if (reader.Peek() != Type::kMap) {
    if (!reader.Skip()) return reader.result();
    return {reader.AtEnd() ? DecodeError::kNotAMap : DecodeError::kMalformed, {}};
  }
  const bool read = reader.Map([&](std::string_view key) {
    if (!Is(key, "type")) return reader.Skip();
    *name = {};
    return reader.TryStr(name) != Found::kBroken;
  });
  if (!read) return reader.result();
  if (!reader.AtEnd()) return {DecodeError::kMalformed, {}};
  return {name->data() == nullptr ? DecodeError::kNoType : DecodeError::kNone, {}};
}

}  // namespace topgun::wire
