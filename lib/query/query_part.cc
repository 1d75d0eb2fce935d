#include "query_part.h"

#include <algorithm>

#include "leaf_builder.h"
#include "msgpack/reader.h"

namespace topgun::query {

bool IsAbsent(std::string_view raw) {
  if (IsNil(raw)) return true;
  msgpack::Reader reader(raw);
  uint32_t count = 0;
  if (reader.Peek() == msgpack::Type::kMap) return reader.ReadMapHeader(&count) && count == 0;
  if (reader.Peek() == msgpack::Type::kArray) return reader.ReadArrayHeader(&count) && count == 0;
  return false;
}

StatusOr<std::vector<std::string>> ReadNames(std::string_view raw, std::string_view part,
                                             size_t max) {
  std::vector<std::string> names;
  if (IsAbsent(raw)) return names;
  msgpack::Reader reader(raw);
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kArray || !reader.ReadArrayHeader(&count)) {
    return InvalidArgument(std::string(part) + ": must be an array");
  }
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    if (!reader.ReadStr(&name)) return InvalidArgument(PlaceOf(part, i) + ": must be a text");
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    if (names.size() == max) return TooMany(part, max);
    names.emplace_back(name);
  }
  return names;
}

std::string PlaceOf(std::string_view part, uint32_t index) {
  return std::string(part).append("[").append(std::to_string(index)).append("]");
}

Status TooMany(std::string_view part, size_t max) {
  return InvalidArgument(std::string(part) + ": more than " + std::to_string(max));
}

}  // namespace topgun::query
