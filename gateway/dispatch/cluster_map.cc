#include "dispatch/cluster_map.h"

#include <algorithm>
#include <limits>

#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::gateway {
namespace {

bool ReadPort(msgpack::Reader& reader, uint16_t* port) {
  uint64_t number = 0;
  if (!reader.ReadUint64(&number) || number > std::numeric_limits<uint16_t>::max()) return false;
  *port = static_cast<uint16_t>(number);
  return true;
}

bool ReadText(msgpack::Reader& reader, std::string* out) {
  std::string_view text;
  if (!reader.ReadStr(&text)) return false;
  *out = text;
  return true;
}

bool ReadField(msgpack::Reader& reader, std::string_view name, ClusterNode* node) {
  if (name == "host") return ReadText(reader, &node->host);
  if (name == "port") return ReadPort(reader, &node->port);
  if (name == "url") return ReadText(reader, &node->url);
  if (name == "joined") return reader.ReadInt64(&node->joined_ms);
  return reader.Skip();
}

std::optional<int64_t> ExpiryOf(const NodeRow& row) {
  if (!row.ttl_ms) return std::nullopt;
  return row.stamped_ms + static_cast<int64_t>(*row.ttl_ms);
}

}  // namespace

std::string EncodeNodeRow(const ClusterNode& node) {
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(node.url.empty() ? 3 : 4);
  writer.Str("host");
  writer.Str(node.host);
  writer.Str("port");
  writer.Uint(node.port);
  if (!node.url.empty()) {
    writer.Str("url");
    writer.Str(node.url);
  }
  writer.Str("joined");
  writer.Int(node.joined_ms);
  return value;
}

std::optional<ClusterNode> DecodeNodeRow(std::string_view id, std::string_view value) {
  ClusterNode node;
  node.id = id;
  msgpack::Reader reader(value);
  uint32_t fields = 0;
  reader.ReadMapHeader(&fields);
  for (uint32_t i = 0; i < fields && reader.ok(); ++i) {
    std::string_view name;
    if (!reader.ReadStr(&name) || !ReadField(reader, name, &node)) return std::nullopt;
  }
  const bool addressed = !node.url.empty() || (!node.host.empty() && node.port != 0);
  if (!reader.ok() || !addressed || node.joined_ms <= 0) return std::nullopt;
  return node;
}

const ClusterNode* ClusterMap::Find(std::string_view id) const {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [id](const auto& node) { return node.id == id; });
  return found == nodes.end() ? nullptr : &*found;
}

ClusterMap MakeClusterMap(std::span<const NodeRow> rows, int64_t now_ms) {
  ClusterMap map;
  const auto changed_at = [&map](int64_t ms) { map.version = std::max(map.version, ms); };
  for (const NodeRow& row : rows) {
    const std::optional<int64_t> expiry = ExpiryOf(row);
    if (row.value.empty()) {
      changed_at(row.stamped_ms);
    } else if (expiry && *expiry <= now_ms) {
      changed_at(*expiry);
    } else if (auto node = DecodeNodeRow(row.id, row.value)) {
      changed_at(node->joined_ms);
      map.nodes.push_back(std::move(*node));
    }
  }
  std::sort(map.nodes.begin(), map.nodes.end(),
            [](const ClusterNode& a, const ClusterNode& b) { return a.id < b.id; });
  return map;
}

}  // namespace topgun::gateway
