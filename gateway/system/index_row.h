// The definition of an index as a row of the reserved map state::kIndexMap. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace topgun::gateway {

enum class IndexType : uint8_t { kHash, kNavigable, kInverted };

std::string_view Name(IndexType type);
std::optional<IndexType> IndexTypeOf(std::string_view name);

// A map has at most one index per attribute.
struct IndexDefinition {
  std::string map;
  std::string attribute;
  IndexType type = IndexType::kHash;

  friend bool operator==(const IndexDefinition&, const IndexDefinition&) = default;
};

// The row's key: the name of the map with its length in front, then the attribute.
std::string IndexRowKey(std::string_view map, std::string_view attribute);
// The row's value: a MessagePack map.
std::string EncodeIndexRow(const IndexDefinition& index);
// Nothing when the row is none. Unknown fields are for later versions.
std::optional<IndexDefinition> DecodeIndexRow(std::string_view key, std::string_view value);

}  // namespace topgun::gateway
