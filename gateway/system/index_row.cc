#include "system/index_row.h"

#include "base/bytes.h"
#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::gateway {
namespace {

constexpr std::string_view kTypeField = "indexType";

std::optional<IndexType> ReadType(std::string_view value) {
  msgpack::Reader reader(value);
  uint32_t count = 0;
  std::optional<IndexType> type;
  reader.ReadMapHeader(&count);
  for (uint32_t i = 0; i < count && reader.ok(); ++i) {
    std::string_view name;
    std::string_view text;
    if (reader.ReadStr(&name) && name == kTypeField) {
      if (reader.ReadStr(&text)) type = IndexTypeOf(text);
    } else {
      reader.Skip();
    }
  }
  return reader.ok() ? type : std::nullopt;
}

}  // namespace

std::string_view Name(IndexType type) {
  switch (type) {
    case IndexType::kHash:
      return "hash";
    case IndexType::kNavigable:
      return "navigable";
    case IndexType::kInverted:
      return "inverted";
  }
  return {};
}

std::optional<IndexType> IndexTypeOf(std::string_view name) {
  for (const IndexType type : {IndexType::kHash, IndexType::kNavigable, IndexType::kInverted}) {
    if (Name(type) == name) return type;
  }
  return std::nullopt;
}

std::string IndexRowKey(std::string_view map, std::string_view attribute) {
  std::string key;
  AppendBytes(key, map);
  key.append(attribute);
  return key;
}

std::string EncodeIndexRow(const IndexDefinition& index) {
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(1);
  writer.Str(kTypeField);
  writer.Str(Name(index.type));
  return value;
}

std::optional<IndexDefinition> DecodeIndexRow(std::string_view key, std::string_view value) {
  ByteCursor cursor(key);
  IndexDefinition index;
  index.map = cursor.ReadBytes();
  index.attribute = cursor.rest();
  const std::optional<IndexType> type = ReadType(value);
  if (!cursor.ok() || !type) return std::nullopt;
  index.type = *type;
  return index;
}

}  // namespace topgun::gateway
