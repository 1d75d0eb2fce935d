// The map of the cluster, of server_fields.h.
#include "absent_fields.h"
#include "server_fields.h"

namespace topgun::wire {

namespace {

bool ReadPartitionNode(FrameReader& reader, PartitionNode* out) {
  return reader.Map("nodes", [&](std::string_view key) {
    if (Is(key, "nodeId")) return reader.Str("nodeId", &out->node_id);
    if (Is(key, "status")) return reader.Str("status", &out->status);
    if (!Is(key, "endpoints")) return reader.Skip();
    return reader.Map("endpoints", [&](std::string_view kind) {
      if (Is(kind, "websocket")) return reader.Str("websocket", &out->websocket);
      if (Is(kind, "http")) return reader.Str("http", &out->http);
      return reader.Skip();
    });
  });
}

bool ReadPartition(FrameReader& reader, Partition* out) {
  return reader.Map("partitions", [&](std::string_view key) {
    if (Is(key, "partitionId")) return ReadUint32(reader, "partitionId", &out->id);
    if (Is(key, "ownerNodeId")) return reader.Str("ownerNodeId", &out->owner);
    if (!Is(key, "backupNodeIds")) return reader.Skip();
    return reader.Array("backupNodeIds", [&](uint32_t) {
      return reader.Str("backupNodeIds", &out->backups.emplace_back());
    });
  });
}

}  // namespace

void Clear(PartitionMapFrame& frame) {
  frame.version = 0;
  frame.partition_count = 0;
  frame.nodes.clear();
  frame.partitions.clear();
  frame.generated_at = 0;
}

bool ReadField(FrameReader& reader, std::string_view key, PartitionMapFrame& frame) {
  if (Is(key, "version")) return ReadWhole(reader, "version", &frame.version);
  if (Is(key, "partitionCount")) {
    return ReadUint32(reader, "partitionCount", &frame.partition_count);
  }
  if (Is(key, "generatedAt")) return ReadNumber(reader, "generatedAt", &frame.generated_at);
  if (Is(key, "nodes")) {
    frame.nodes.clear();
    return reader.Array(
        "nodes", [&](uint32_t) { return ReadPartitionNode(reader, &frame.nodes.emplace_back()); });
  }
  if (Is(key, "partitions")) {
    frame.partitions.clear();
    return reader.Array("partitions", [&](uint32_t) {
      return ReadPartition(reader, &frame.partitions.emplace_back());
    });
  }
  return reader.Skip();
}

}  // namespace topgun::wire
