#include "service/part_codec.h"

#include <string>
#include <utility>

namespace topgun::sync {

namespace {

// Cuts consecutive slices off one concatenated column.
class Slices {
 public:
  Slices(const std::string& bytes, const google::protobuf::RepeatedField<uint32_t>& lengths)
      : rest_(bytes), lengths_(lengths) {}

  bool Next(int index, std::string_view* out) {
    const size_t length = lengths_.Get(index);
    if (length > rest_.size()) return false;
    *out = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

 private:
  std::string_view rest_;
  const google::protobuf::RepeatedField<uint32_t>& lengths_;
};

Status CheckColumns(const v1::ApplyPart& part) {
  const auto count = static_cast<int>(part.kinds().size());
  const std::pair<const char*, int> columns[] = {
      {"map_index", part.map_index_size()},       {"node_index", part.node_index_size()},
      {"origin_index", part.origin_index_size()}, {"millis", part.millis_size()},
      {"counters", part.counters_size()},         {"key_lengths", part.key_lengths_size()},
      {"tag_lengths", part.tag_lengths_size()},   {"value_lengths", part.value_lengths_size()},
  };
  for (const auto& [name, size] : columns) {
    if (size != count) return InvalidArgument(std::string(name) + ": wrong number of elements");
  }
  if (part.ttl_index_size() != part.ttl_ms_size()) {
    return InvalidArgument("ttl_ms: wrong number of elements");
  }
  return OkStatus();
}

Status FillTtl(const v1::ApplyPart& part, WritePart& out) {
  for (int i = 0; i < part.ttl_index_size(); ++i) {
    const uint32_t index = part.ttl_index(i);
    if (index >= out.ops.size()) return InvalidArgument("ttl_index: no such op");
    out.ops[index].has_ttl = true;
    out.ops[index].ttl_ms = part.ttl_ms(i);
  }
  return OkStatus();
}

}  // namespace

uint64_t PartBytes(const v1::ApplyPart& part) {
  constexpr uint64_t kBytesPerOp = 320;  // columns, decoded op, pending op and cell
  return part.keys().size() + part.tags().size() + part.values().size() +
         part.kinds().size() * kBytesPerOp;
}

StatusOr<WritePart> DecodePart(const v1::ApplyPart& part, std::shared_ptr<const void> storage) {
  RETURN_IF_ERROR(CheckColumns(part));
  WritePart out;
  out.storage = std::move(storage);
  out.bytes = PartBytes(part);
  out.maps.assign(part.maps().begin(), part.maps().end());
  out.origins.assign(part.origins().begin(), part.origins().end());
  out.ops.resize(part.kinds().size());
  Slices keys(part.keys(), part.key_lengths());
  Slices tags(part.tags(), part.tag_lengths());
  Slices values(part.values(), part.value_lengths());
  for (int i = 0; i < static_cast<int>(out.ops.size()); ++i) {
    WriteOp& op = out.ops[static_cast<size_t>(i)];
    const auto kind = static_cast<uint8_t>(part.kinds()[static_cast<size_t>(i)]);
    if (kind < 1 || kind > kOpKindMax) return InvalidArgument("kinds: unknown operation");
    op.kind = static_cast<OpKind>(kind);
    op.map = part.map_index(i);
    op.origin = part.origin_index(i);
    const auto node = static_cast<int>(part.node_index(i));
    if (op.map >= out.maps.size()) return InvalidArgument("map_index: no such map");
    if (op.origin >= out.origins.size()) return InvalidArgument("origin_index: no such origin");
    if (node >= part.nodes_size()) return InvalidArgument("node_index: no such node");
    op.timestamp = {part.millis(i), part.counters(i), part.nodes(node)};
    if (!keys.Next(i, &op.key) || !tags.Next(i, &op.tag) || !values.Next(i, &op.value)) {
      return InvalidArgument("lengths: longer than the column");
    }
  }
  RETURN_IF_ERROR(FillTtl(part, out));
  return out;
}

}  // namespace topgun::sync
