#include "row_fields.h"

#include <algorithm>

namespace topgun::query {
namespace {

void FindInMap(std::string_view map, std::span<const std::string> names,
               std::span<ConditionValue> found) {
  msgpack::Reader reader(map);
  uint32_t count = 0;
  if (!reader.ReadMapHeader(&count)) return;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view raw;
    const bool named = reader.Peek() == msgpack::Type::kStr;
    if (!(named ? reader.ReadStr(&name) : reader.Skip()) || !reader.ReadRaw(&raw)) return;
    for (size_t at = 0; named && at < names.size(); ++at) {
      if (names[at] == name) found[at] = ValueOf(raw);
    }
  }
}

}  // namespace

void FindRowFields(std::string_view key, std::string_view value, std::span<const std::string> names,
                   std::span<ConditionValue> found) {
  std::fill_n(found.begin(), names.size(), ConditionValue{});
  const bool is_map = IsMap(value);
  if (is_map) FindInMap(value, names, found);
  for (size_t at = 0; at < names.size(); ++at) {
    if (names[at] == kKeyName) found[at] = StringValue(key);
    if (names[at] == kValueName && !is_map) found[at] = ValueOf(value);
  }
}

}  // namespace topgun::query
