#include "dispatch/cluster_map.h"

#include <algorithm>
#include <limits>

#include "crdt/hash.h"
#include "dispatch/rendezvous.h"
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

bool ReadDeparture(msgpack::Reader& reader, Departure departure, NodeRow* row) {
  row->departure = departure;
  return reader.ReadInt64(&row->departed_ms);
}

bool ReadField(msgpack::Reader& reader, std::string_view name, NodeRow* row) {
  if (name == "host") return ReadText(reader, &row->node.host);
  if (name == "port") return ReadPort(reader, &row->node.port);
  if (name == "url") return ReadText(reader, &row->node.url);
  if (name == "joined") return reader.ReadInt64(&row->node.joined_ms);
  if (name == "beat") return reader.ReadInt64(&row->report.beat_ms);
  if (name == "started") return reader.ReadInt64(&row->report.started_ms);
  if (name == "connections") return reader.ReadUint64(&row->report.connections);
  if (name == "memory") return reader.ReadUint64(&row->report.memory_bytes);
  if (name == "left") return ReadDeparture(reader, Departure::kLeft, row);
  if (name == "dead") return ReadDeparture(reader, Departure::kDead, row);
  return reader.Skip();
}

void WriteInt(msgpack::Writer& writer, std::string_view name, int64_t value) {
  writer.Str(name);
  writer.Int(value);
}

void WriteUint(msgpack::Writer& writer, std::string_view name, uint64_t value) {
  writer.Str(name);
  writer.Uint(value);
}

// The best member for a name among those that `skip` leaves.
std::optional<size_t> BestOf(std::span<const ClusterNode> nodes, std::string_view name,
                             std::optional<size_t> skip) {
  std::optional<size_t> best;
  uint64_t best_score = 0;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (i == skip) continue;
    const uint64_t score = RendezvousScore(nodes[i].id, name);
    if (best && score <= best_score) continue;
    best = i;
    best_score = score;
  }
  return best;
}

}  // namespace

std::string EncodeNodeRow(const NodeRow& row) {
  constexpr uint32_t kAlways = 7;
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(kAlways + (row.node.url.empty() ? 0 : 1) + (row.alive() ? 0 : 1));
  writer.Str("host");
  writer.Str(row.node.host);
  WriteUint(writer, "port", row.node.port);
  if (!row.node.url.empty()) {
    writer.Str("url");
    writer.Str(row.node.url);
  }
  WriteInt(writer, "joined", row.node.joined_ms);
  WriteInt(writer, "beat", row.report.beat_ms);
  WriteInt(writer, "started", row.report.started_ms);
  WriteUint(writer, "connections", row.report.connections);
  WriteUint(writer, "memory", row.report.memory_bytes);
  if (!row.alive()) {
    WriteInt(writer, row.departure == Departure::kDead ? "dead" : "left", row.departed_ms);
  }
  return value;
}

std::optional<NodeRow> DecodeNodeRow(std::string_view id, std::string_view value) {
  NodeRow row;
  row.node.id = id;
  msgpack::Reader reader(value);
  uint32_t fields = 0;
  reader.ReadMapHeader(&fields);
  for (uint32_t i = 0; i < fields && reader.ok(); ++i) {
    std::string_view name;
    if (!reader.ReadStr(&name) || !ReadField(reader, name, &row)) return std::nullopt;
  }
  const ClusterNode& node = row.node;
  const bool addressed = !node.url.empty() || (!node.host.empty() && node.port != 0);
  if (!reader.ok() || !addressed || node.joined_ms <= 0) return std::nullopt;
  return row;
}

const ClusterNode* ClusterMap::Find(std::string_view id) const {
  const auto found =
      std::find_if(nodes.begin(), nodes.end(), [id](const auto& node) { return node.id == id; });
  return found == nodes.end() ? nullptr : &*found;
}

ClusterMap MakeClusterMap(std::span<const NodeRow> rows) {
  ClusterMap map;
  for (const NodeRow& row : rows) {
    map.version = std::max({map.version, row.node.joined_ms, row.departed_ms});
    if (row.alive()) map.nodes.push_back(row.node);
  }
  std::sort(map.nodes.begin(), map.nodes.end(),
            [](const ClusterNode& a, const ClusterNode& b) { return a.id < b.id; });
  return map;
}

std::vector<Assignment> AssignPartitions(std::span<const ClusterNode> nodes) {
  std::vector<Assignment> partitions;
  for (uint32_t id = 0; !nodes.empty() && id < crdt::kPartitionCount; ++id) {
    const std::string name = std::to_string(id);
    const size_t owner = *BestOf(nodes, name, {});
    partitions.push_back({.owner = owner, .backup = BestOf(nodes, name, owner)});
  }
  return partitions;
}

}  // namespace topgun::gateway
