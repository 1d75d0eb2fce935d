#include "wire/op.h"

#include <array>

namespace topgun::wire {
namespace {

constexpr std::array<std::string_view, 5> kOpNames = {"PUT", "REMOVE", "OR_ADD", "OR_REMOVE",
                                                      "PUT"};
constexpr std::array<std::string_view, 5> kLevelNames = {"FIRE_AND_FORGET", "MEMORY", "APPLIED",
                                                         "REPLICATED", "PERSISTED"};

template <typename Enum, size_t N>
std::optional<Enum> Find(const std::array<std::string_view, N>& names, std::string_view name) {
  for (size_t i = 0; i < N; ++i) {
    if (names[i] == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

// `lowercase` is ASCII; map names may be any UTF-8.
bool StartsWithIgnoringCase(std::string_view text, std::string_view lowercase) {
  if (text.size() < lowercase.size()) return false;
  for (size_t i = 0; i < lowercase.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) != lowercase[i]) return false;
  }
  return true;
}

std::string TooLong(std::string_view field, size_t bytes, size_t bytes_max) {
  return std::string(field)
      .append(": ")
      .append(std::to_string(bytes))
      .append(" bytes exceed the maximum of ")
      .append(std::to_string(bytes_max));
}

}  // namespace

std::string_view Name(OpKind kind) { return kOpNames[static_cast<size_t>(kind)]; }
std::optional<OpKind> OpKindOf(std::string_view name) { return Find<OpKind>(kOpNames, name); }

std::string_view Name(WriteConcern level) { return kLevelNames[static_cast<size_t>(level)]; }
std::optional<WriteConcern> WriteConcernOf(std::string_view name) {
  return Find<WriteConcern>(kLevelNames, name);
}

bool IsReservedMapName(std::string_view map) {
  return StartsWithIgnoringCase(map, "_topgun_") || StartsWithIgnoringCase(map, "__topgun_");
}

std::string ValidateMapName(std::string_view map, const OpLimits& limits) {
  if (map.empty()) return "mapName: must not be empty";
  if (map.size() > limits.map_bytes_max)
    return TooLong("mapName", map.size(), limits.map_bytes_max);
  if (IsReservedMapName(map)) return "mapName: names starting with _topgun_ are reserved";
  return {};
}

std::string ValidateOp(const Op& op, const OpLimits& limits) {
  if (!op.error.empty()) return op.error;
  if (std::string problem = ValidateMapName(op.map, limits); !problem.empty()) return problem;
  if (op.key.size() > limits.key_bytes_max) {
    return TooLong("key", op.key.size(), limits.key_bytes_max);
  }
  if (op.tag.size() > limits.tag_bytes_max) {
    return TooLong("tag", op.tag.size(), limits.tag_bytes_max);
  }
  if (op.timestamp.node_id.size() > limits.node_bytes_max) {
    return TooLong("nodeId", op.timestamp.node_id.size(), limits.node_bytes_max);
  }
  if (limits.value_bytes_max != 0 && op.value.size() > limits.value_bytes_max) {
    // The text clients know (core.md 2.9).
    return "value size " + std::to_string(op.value.size()) + " bytes exceeds maximum " +
           std::to_string(limits.value_bytes_max) + " bytes";
  }
  return {};
}

}  // namespace topgun::wire
