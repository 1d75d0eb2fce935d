// The decoders' view of one frame: msgpack::Reader plus the rules every message shares. Unknown
// keys are skipped, nil means absent, a whole float is an integer, nesting is counted from the
// frame's own map (core.md 1.2-1.4, features.md 0.3). Private to lib/wire.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "msgpack/reader.h"
#include "wire/client_frame.h"

namespace topgun::wire {

// Numbers above are not exact in JavaScript, so no honest client sends them as times or counters.
inline constexpr double kWholeMax = 9007199254740992.0;  // 2^53

// A comparison the compiler can unroll: the key's length first, then a constant number of bytes.
template <size_t N>
bool Is(std::string_view key, const char (&name)[N]) {
  return key.size() == N - 1 && std::memcmp(key.data(), name, N - 1) == 0;
}

class FrameReader {
 public:
  // What a lenient read met. The value is consumed in every case but kBroken, which is final.
  enum class Found : uint8_t { kValue, kNil, kOther, kBroken };

  explicit FrameReader(std::string_view bytes) : bytes_(bytes), reader_(bytes) {}

  msgpack::Type Peek() const { return reader_.Peek(); }
  bool AtEnd() const { return reader_.AtEnd(); }
  size_t position() const { return reader_.position(); }
  // The bytes from an earlier position() up to here.
  std::string_view SliceFrom(size_t begin) const {
    return bytes_.substr(begin, reader_.position() - begin);
  }

  DecodeResult result() const;
  bool Fail(DecodeError error, std::string_view field = {}) {
    if (failure_.ok()) failure_ = {error, field};
    return false;
  }

  bool Skip() { return reader_.Skip(depth_); }

  // Lenient reads, for places where a wrong kind of value is not the end of the frame.
  Found TryStr(std::string_view* out);
  Found TryBool(bool* out);
  Found TryNumber(double* out);
  // kOther also for numbers that are not whole or not in [0, max].
  Found TryWhole(double max, int64_t* out);
  Found TryRaw(std::string_view* out);
  // See msgpack::Reader.
  Found TryRaw(std::string_view* out, bool* portable);

  // Strict reads: nil leaves the value empty, any other kind fails the frame.
  bool Str(std::string_view field, std::string_view* out) {
    *out = {};
    return Accept(TryStr(out), field);
  }
  bool Str(std::string_view field, std::optional<std::string_view>* out) {
    return Optional(field, out, [this](std::string_view* value) { return TryStr(value); });
  }
  bool Bool(std::string_view field, std::optional<bool>* out) {
    return Optional(field, out, [this](bool* value) { return TryBool(value); });
  }
  bool Number(std::string_view field, std::optional<double>* out) {
    return Optional(field, out, [this](double* value) { return TryNumber(value); });
  }
  bool Whole(std::string_view field, std::optional<int64_t>* out) {
    return Optional(field, out, [this](int64_t* value) { return TryWhole(kWholeMax, value); });
  }
  bool Uint32(std::string_view field, std::optional<uint32_t>* out);
  bool Bin(std::string_view field, std::string_view* out);
  // The slice of a value that must be of one of these kinds; empty for nil.
  bool Raw(std::string_view field, msgpack::Type kind, msgpack::Type or_kind,
           std::string_view* out);
  bool Raw(std::string_view field, msgpack::Type kind, std::string_view* out) {
    return Raw(field, kind, kind, out);
  }

  // `value` was read from somewhere (strings of a frame never have a null pointer).
  bool Require(std::string_view value, std::string_view field) {
    return value.data() != nullptr || Fail(DecodeError::kMissingField, field);
  }
  bool Require(bool present, std::string_view field) {
    return present || Fail(DecodeError::kMissingField, field);
  }

  // Consumes a map whose header has not been read; `on_field(key)` must consume the value and
  // returns whether to go on. Pairs without string key are skipped.
  template <typename OnField>
  bool Map(OnField&& on_field) {
    uint32_t pairs = 0;
    return reader_.ReadMapHeader(&pairs) && Pairs(pairs, std::forward<OnField>(on_field));
  }
  // Consumes an array; `on_item(index)` must consume the item and returns whether to go on.
  template <typename OnItem>
  bool Array(OnItem&& on_item);

  // Strict forms: nil is skipped, other kinds fail the frame.
  template <typename OnField>
  bool Map(std::string_view field, OnField&& on_field) {
    if (Peek() == msgpack::Type::kMap) return Map(std::forward<OnField>(on_field));
    return Accept(NilOrOther(), field);
  }
  template <typename OnItem>
  bool Array(std::string_view field, OnItem&& on_item) {
    if (Peek() == msgpack::Type::kArray) return Array(std::forward<OnItem>(on_item));
    return Accept(NilOrOther(), field);
  }

 private:
  Found NilOrOther();
  bool Accept(Found found, std::string_view field) {
    if (found == Found::kOther) return Fail(DecodeError::kBadField, field);
    return found != Found::kBroken;
  }

  template <typename OnField>
  bool Pairs(uint32_t pairs, OnField&& on_field);

  template <typename T, typename Try>
  bool Optional(std::string_view field, std::optional<T>* out, Try&& read) {
    T value{};
    const Found found = read(&value);
    out->reset();
    if (found == Found::kValue) *out = value;
    return Accept(found, field);
  }

  std::string_view bytes_;
  msgpack::Reader reader_;
  uint32_t depth_ = 0;
  DecodeResult failure_;
};

inline FrameReader::Found FrameReader::TryStr(std::string_view* out) {
  if (Peek() != msgpack::Type::kStr) return NilOrOther();
  return reader_.ReadStr(out) ? Found::kValue : Found::kBroken;
}

inline FrameReader::Found FrameReader::TryNumber(double* out) {
  const msgpack::Type type = Peek();
  if (type != msgpack::Type::kInt && type != msgpack::Type::kFloat) return NilOrOther();
  return reader_.ReadNumber(out) ? Found::kValue : Found::kBroken;
}

inline FrameReader::Found FrameReader::TryWhole(double max, int64_t* out) {
  double value = 0;
  const Found found = TryNumber(&value);
  if (found != Found::kValue) return found;
  if (!(value >= 0 && value <= max)) return Found::kOther;
  const auto whole = static_cast<int64_t>(value);  // `max` is below 2^63
  if (static_cast<double>(whole) != value) return Found::kOther;
  *out = whole;
  return Found::kValue;
}

inline FrameReader::Found FrameReader::TryRaw(std::string_view* out) {
  if (Peek() == msgpack::Type::kNil) return NilOrOther();
  return reader_.ReadRaw(out, depth_) ? Found::kValue : Found::kBroken;
}

inline FrameReader::Found FrameReader::TryRaw(std::string_view* out, bool* portable) {
  *portable = true;
  if (Peek() == msgpack::Type::kNil) return NilOrOther();
  return reader_.ReadRaw(out, portable, depth_) ? Found::kValue : Found::kBroken;
}

template <typename OnField>
bool FrameReader::Pairs(uint32_t pairs, OnField&& on_field) {
  ++depth_;
  for (uint32_t i = 0; i < pairs; ++i) {
    if (Peek() != msgpack::Type::kStr) {
      if (!Skip() || !Skip()) return false;
      continue;
    }
    std::string_view key;
    if (!reader_.ReadStr(&key) || !on_field(key)) return false;
  }
  --depth_;
  return true;
}

template <typename OnItem>
bool FrameReader::Array(OnItem&& on_item) {
  uint32_t items = 0;
  if (!reader_.ReadArrayHeader(&items)) return false;
  ++depth_;
  for (uint32_t i = 0; i < items; ++i) {
    if (!on_item(i)) return false;
  }
  --depth_;
  return true;
}

}  // namespace topgun::wire
