#include "workload/value_maker.h"

#include <array>
#include <bit>
#include <utility>

#include "msgpack/reader.h"
#include "msgpack/writer.h"
#include "workload/random.h"

namespace topgun::loadgen {
namespace {

using msgpack::Reader;
using msgpack::Rendering;
using msgpack::Writer;

constexpr size_t kTemplates = 16;  // powers of two: enough that values do not compress to nothing
constexpr size_t kTemplatesVaried = 64;  // and that sizes follow their distribution
constexpr size_t kRunDigits = 6;
constexpr size_t kWriterDigits = 6;
constexpr size_t kOpDigits = 12;
constexpr size_t kIdentityDigits = kRunDigits + kWriterDigits + kOpDigits;
constexpr size_t kTimeDigits = 16;
constexpr size_t kTextHeader = kIdentityDigits + kTimeDigits;

constexpr std::array<std::string_view, 24> kWords = {
    "buy",   "milk",  "review", "the",   "plan",   "call",  "back",  "about",
    "order", "fix",   "door",   "write", "report", "check", "train", "book",
    "team",  "lunch", "move",   "shelf", "answer", "mail",  "clean", "window"};

std::string Words(size_t bytes, Random& random) {
  std::string text;
  while (text.size() < bytes) text.append(kWords[random.Below(kWords.size())]).append(" ");
  text.resize(bytes);
  return text;
}

std::string RandomBytes(size_t bytes, Random& random) {
  std::string text(bytes, '\0');
  for (char& byte : text) byte = static_cast<char>(random.Next() >> 56);
  return text;
}

std::string MakeJson(std::string_view text) {
  std::string out;
  Writer writer(out, Rendering::kClient);
  writer.MapHeader(4);
  writer.Str("id");
  writer.Str(std::string(kIdentityDigits, '0'));
  writer.Str("at");
  writer.Float64(0);
  writer.Str("done");
  writer.Bool(false);
  writer.Str("text");
  writer.Str(text);
  return out;
}

std::string MakeScalar(ValueKind kind, std::string_view content) {
  std::string out;
  Writer writer(out, Rendering::kClient);
  if (kind == ValueKind::kText) {
    writer.Str(content);
  } else {
    writer.Bin(content);
  }
  return out;
}

std::string MakeValue(ValueKind kind, size_t padding, Random& random) {
  if (kind == ValueKind::kJson) return MakeJson(Words(padding, random));
  return MakeScalar(
      kind, std::string(kTextHeader, '0') +
                (kind == ValueKind::kText ? Words(padding, random) : RandomBytes(padding, random)));
}

// The length prefix grows with the text, so the fitting padding is found by trying; a few sizes
// right above a change of prefix cannot be met exactly and come out one or two bytes short.
std::string MakeValueOfSize(ValueKind kind, size_t bytes, Random& random) {
  size_t padding = bytes - MakeValue(kind, 0, random).size();
  std::string value = MakeValue(kind, padding, random);
  while (value.size() > bytes) value = MakeValue(kind, --padding, random);
  return value;
}

// Where the identity's digits begin. Text and bytes start with them, but the prefix that tells the
// length may end in a byte that looks like one of them.
size_t IdentityOffset(ValueKind kind, std::string_view value) {
  if (kind == ValueKind::kJson) return value.find(std::string(kIdentityDigits, '0'));
  Reader reader(value);
  std::string_view content;
  const bool read = kind == ValueKind::kText ? reader.ReadStr(&content) : reader.ReadBin(&content);
  return read ? static_cast<size_t>(content.data() - value.data()) : 0;
}

void WriteIdentity(const OpIdentity& identity, char* out) {
  WriteHex(identity.run, kRunDigits, out);
  WriteHex(identity.writer, kWriterDigits, out + kRunDigits);
  WriteHex(identity.op_id, kOpDigits, out + kRunDigits + kWriterDigits);
}

std::optional<OpIdentity> ReadIdentity(std::string_view text) {
  if (text.size() < kIdentityDigits) return std::nullopt;
  const auto run = ParseHex(text.substr(0, kRunDigits));
  const auto writer = ParseHex(text.substr(kRunDigits, kWriterDigits));
  const auto op_id = ParseHex(text.substr(kRunDigits + kWriterDigits, kOpDigits));
  if (!run || !writer || !op_id) return std::nullopt;
  return OpIdentity{static_cast<uint32_t>(*run), static_cast<uint32_t>(*writer), *op_id};
}

void WriteFloat64(double value, char* out) {
  const auto bits = std::bit_cast<uint64_t>(value);
  for (unsigned i = 0; i < 8; ++i) out[i] = static_cast<char>(bits >> (56 - 8 * i));
}

std::optional<ValueStamp> ReadJson(Reader& reader) {
  uint32_t members = 0;
  if (!reader.ReadMapHeader(&members)) return std::nullopt;
  std::optional<OpIdentity> identity;
  int64_t sent_us = 0;
  for (; members > 0; --members) {
    std::string_view name;
    std::string_view text;
    if (!reader.ReadStr(&name)) return std::nullopt;
    if (name == "id" && reader.Peek() == msgpack::Type::kStr) {
      reader.ReadStr(&text);
      identity = ReadIdentity(text);
    } else if (name == "at") {
      if (!reader.ReadInt64(&sent_us)) return std::nullopt;
    } else if (!reader.Skip(1)) {
      return std::nullopt;
    }
    if (identity && sent_us != 0) return ValueStamp{*identity, sent_us};
  }
  return std::nullopt;
}

std::optional<ValueStamp> ReadScalar(std::string_view content) {
  if (content.size() < kTextHeader) return std::nullopt;
  const auto identity = ReadIdentity(content);
  const auto sent_us = ParseHex(content.substr(kIdentityDigits, kTimeDigits));
  if (!identity || !sent_us) return std::nullopt;
  return ValueStamp{*identity, static_cast<int64_t>(*sent_us)};
}

}  // namespace

ValueMaker::ValueMaker(ValueKind kind, const ValueSize& size, uint64_t seed) : kind_(kind) {
  Random random(seed);
  const size_t count = size.kind == ValueSize::Kind::kFixed ? kTemplates : kTemplatesVaried;
  for (size_t i = 0; i < count; ++i) {
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    Template value{MakeValueOfSize(kind, size.Quantile(share), random)};
    value.identity_offset = IdentityOffset(kind, value.bytes);
    // Either right behind the identity, or behind the key "at" (a2 61 74) and the float's tag cb.
    value.time_offset =
        value.identity_offset + kIdentityDigits + (kind == ValueKind::kJson ? 4 : 0);
    templates_.push_back(std::move(value));
  }
  // A connection takes one after the other: they must not come sorted by size.
  for (size_t i = count; i > 1; --i) std::swap(templates_[i - 1], templates_[random.Below(i)]);
}

void ValueMaker::Append(const ValueStamp& stamp, std::string& out) const {
  const size_t start = out.size();
  const Template& chosen = templates_[stamp.identity.op_id & (templates_.size() - 1)];
  out.append(chosen.bytes);
  char* const value = out.data() + start;
  WriteIdentity(stamp.identity, value + chosen.identity_offset);
  if (kind_ == ValueKind::kJson) {
    WriteFloat64(static_cast<double>(stamp.sent_us), value + chosen.time_offset);
  } else {
    WriteHex(static_cast<uint64_t>(stamp.sent_us), kTimeDigits, value + chosen.time_offset);
  }
}

std::optional<ValueStamp> ValueMaker::Read(std::string_view value) {
  Reader reader(value);
  std::string_view content;
  switch (reader.Peek()) {
    case msgpack::Type::kMap:
      return ReadJson(reader);
    case msgpack::Type::kStr:
      return reader.ReadStr(&content) ? ReadScalar(content) : std::nullopt;
    case msgpack::Type::kBin:
      return reader.ReadBin(&content) ? ReadScalar(content) : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace topgun::loadgen
