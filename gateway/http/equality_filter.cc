#include "http/equality_filter.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "msgpack/equal.h"
#include "msgpack/reader.h"

namespace topgun::gateway {
namespace {

using msgpack::Reader;
using msgpack::Type;

// Of one record: more than comparing the largest one that is not made to be dear.
constexpr uint32_t kStepsMax = 1'000'000;

// The last field of that name.
std::optional<std::string_view> FieldOf(std::string_view map, std::string_view name) {
  Reader reader(map);
  uint32_t count = 0;
  if (reader.Peek() != Type::kMap || !reader.ReadMapHeader(&count)) return std::nullopt;
  std::optional<std::string_view> found;
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    std::string_view key;
    std::string_view value;
    const bool is_text = reader.Peek() == Type::kStr;
    if (is_text ? !reader.ReadStr(&key) : !reader.Skip()) break;
    if (!reader.ReadRaw(&value)) break;
    if (is_text && key == name) found = value;
  }
  return found;
}

bool IsNil(std::string_view value) { return Reader(value).Peek() == Type::kNil; }

std::optional<std::string_view> Resolve(std::string_view map, std::string_view name) {
  if (const auto field = FieldOf(map, name)) return field;
  std::optional<std::string_view> at = map;
  for (size_t begin = 0; at && begin <= name.size();) {
    const size_t dot = std::min(name.find('.', begin), name.size());
    at = FieldOf(*at, name.substr(begin, dot - begin));
    begin = dot + 1;
  }
  return at;
}

}  // namespace

StatusOr<EqualityFilter> EqualityFilter::Parse(std::string_view filter) {
  EqualityFilter parsed;
  Reader reader(filter);
  uint32_t count = 0;
  if (reader.Peek() != Type::kMap || !reader.ReadMapHeader(&count)) return parsed;
  if (count > kFieldsMax) {
    return InvalidArgument("filter: more than " + std::to_string(kFieldsMax) + " fields");
  }
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view value;
    if (reader.Peek() != Type::kStr || !reader.ReadStr(&name) || !reader.ReadRaw(&value)) {
      return InvalidArgument("filter: names of fields must be texts");
    }
    parsed.fields_.push_back({std::string(name), std::string(value)});
  }
  return parsed;
}

bool EqualityFilter::Matches(std::string_view value) const {
  uint32_t steps = kStepsMax;
  return std::all_of(fields_.begin(), fields_.end(), [&](const Field& field) {
    const auto found = Resolve(value, field.name);
    return found && !IsNil(*found) && msgpack::EqualValues(*found, field.value, steps);
  });
}

}  // namespace topgun::gateway
