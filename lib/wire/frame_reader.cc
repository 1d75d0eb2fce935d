#include "frame_reader.h"

namespace topgun::wire {

using msgpack::Type;

DecodeResult FrameReader::result() const {
  if (!reader_.ok()) {
    return {reader_.too_deep() ? DecodeError::kTooDeep : DecodeError::kMalformed, {}};
  }
  return failure_;
}

FrameReader::Found FrameReader::NilOrOther() {
  if (Peek() == Type::kNil) return reader_.ReadNil() ? Found::kNil : Found::kBroken;
  return Skip() ? Found::kOther : Found::kBroken;
}

FrameReader::Found FrameReader::TryBool(bool* out) {
  if (Peek() != Type::kBool) return NilOrOther();
  return reader_.ReadBool(out) ? Found::kValue : Found::kBroken;
}

bool FrameReader::Uint32(std::string_view field, std::optional<uint32_t>* out) {
  return Optional(field, out, [this](uint32_t* value) {
    int64_t whole = 0;
    const Found found = TryWhole(double{UINT32_MAX}, &whole);
    *value = static_cast<uint32_t>(whole);
    return found;
  });
}

bool FrameReader::Bin(std::string_view field, std::string_view* out) {
  *out = {};
  if (Peek() == Type::kBin) return reader_.ReadBin(out);
  return Accept(NilOrOther(), field);
}

bool FrameReader::Raw(std::string_view field, Type kind, Type or_kind, std::string_view* out) {
  *out = {};
  if (Peek() == kind || Peek() == or_kind) return reader_.ReadRaw(out, depth_);
  return Accept(NilOrOther(), field);
}

}  // namespace topgun::wire
