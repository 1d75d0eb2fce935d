#include "query/sort_order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "msgpack/reader.h"
#include "query_part.h"
#include "row_fields.h"

namespace topgun::query {
namespace {

constexpr char kFirst = 1;  // numbers, if ascending
constexpr char kSecond = 2;
constexpr char kMissing = 3;

constexpr std::string_view kEscapedZero("\0\xff", 2);
constexpr std::string_view kTextEnd("\0\0", 2);

void AppendNumber(std::string& out, double number) {
  constexpr uint64_t kSign = uint64_t{1} << 63U;
  const auto bits = std::bit_cast<uint64_t>(number == 0 ? 0.0 : number);
  const uint64_t ordered = (bits & kSign) != 0 ? ~bits : bits | kSign;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(ordered >> shift));
}

void AppendText(std::string& out, std::string_view text) {
  text = text.substr(0, SortOrder::kTextBytesMax);
  while (true) {
    const size_t zero = text.find('\0');
    out.append(text.substr(0, zero));
    if (zero == std::string_view::npos) break;
    out.append(kEscapedZero);
    text.remove_prefix(zero + 1);
  }
  out.append(kTextEnd);
}

// What has no text of its own is ordered by its encoding.
std::string_view SortTextOf(const ConditionValue& value) {
  if (value.kind == ConditionValue::Kind::kBool) return value.boolean ? "true" : "false";
  return value.bytes;
}

bool IsMissing(const ConditionValue& value) {
  using Kind = ConditionValue::Kind;
  return value.kind == Kind::kNull || (value.kind == Kind::kNumber && std::isnan(value.number));
}

void AppendFieldRank(std::string& out, const ConditionValue& value, bool descending) {
  if (IsMissing(value)) {
    out.push_back(kMissing);
    return;
  }
  const bool number = value.kind == ConditionValue::Kind::kNumber;
  out.push_back(number != descending ? kFirst : kSecond);
  const size_t begin = out.size();
  if (number) {
    AppendNumber(out, value.number);
  } else {
    AppendText(out, SortTextOf(value));
  }
  if (!descending) return;
  std::transform(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
                 out.begin() + static_cast<std::ptrdiff_t>(begin),
                 [](char byte) { return static_cast<char>(~byte); });
}

StatusOr<bool> ReadDirection(std::string_view raw, const std::string& place) {
  std::string_view word;
  if (!msgpack::Reader(raw).ReadStr(&word) || (word != "asc" && word != "desc")) {
    return InvalidArgument(place + ": must be asc or desc");
  }
  return word == "desc";
}

}  // namespace

StatusOr<SortOrder> SortOrder::Parse(std::string_view sort) {
  SortOrder order;
  if (IsAbsent(sort)) return order;
  if (!msgpack::Validate(sort).ok()) return InvalidArgument("sort: malformed");
  msgpack::Reader reader(sort);
  if (reader.Peek() == msgpack::Type::kMap) {
    RETURN_IF_ERROR(order.ReadMap(reader));
  } else {
    RETURN_IF_ERROR(order.ReadArray(reader));
  }
  return order;
}

Status SortOrder::ReadMap(msgpack::Reader& reader) {
  uint32_t count = 0;
  reader.ReadMapHeader(&count);
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view direction;
    if (!reader.ReadStr(&name) || !reader.ReadRaw(&direction)) {
      return InvalidArgument("sort: names of fields must be texts");
    }
    ASSIGN_OR_RETURN(const bool descending,
                     ReadDirection(direction, std::string("sort.").append(name)));
    RETURN_IF_ERROR(Add(name, descending));
  }
  return OkStatus();
}

Status SortOrder::ReadArray(msgpack::Reader& reader) {
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kArray || !reader.ReadArrayHeader(&count)) {
    return InvalidArgument("sort: must be an array");
  }
  for (uint32_t i = 0; i < count; ++i) RETURN_IF_ERROR(ReadItem(reader, PlaceOf("sort", i)));
  return OkStatus();
}

Status SortOrder::ReadItem(msgpack::Reader& reader, const std::string& place) {
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kMap || !reader.ReadMapHeader(&count)) {
    return InvalidArgument(place + ": must be an object");
  }
  std::string_view field;
  bool named = false;
  bool descending = false;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view raw;
    if (!reader.ReadStr(&name) || !reader.ReadRaw(&raw)) {
      return InvalidArgument(place + ": must be an object with named fields");
    }
    if (name == "field") named = msgpack::Reader(raw).ReadStr(&field);
    if (name == "direction") {
      ASSIGN_OR_RETURN(descending, ReadDirection(raw, place + ".direction"));
    }
  }
  if (!named) return InvalidArgument(place + ".field: must be a text");
  return Add(field, descending);
}

Status SortOrder::Add(std::string_view name, bool descending) {
  // Rows that the first one leaves equal are equal in the second.
  if (std::find(names_.begin(), names_.end(), name) != names_.end()) return OkStatus();
  if (names_.size() == kFieldsMax) return TooMany("sort", kFieldsMax);
  names_.emplace_back(name);
  descending_.push_back(descending);
  return OkStatus();
}

void SortOrder::AppendRank(std::string_view key, std::string_view value, std::string& out) const {
  if (!names_.empty()) {
    std::array<ConditionValue, kFieldsMax> found;
    FindRowFields(key, value, names_, found);
    for (size_t i = 0; i < names_.size(); ++i) AppendFieldRank(out, found[i], descending_[i]);
  }
  out.append(key);
}

}  // namespace topgun::query
