#include "backend/sync_reader.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <memory>
#include <string_view>
#include <tuple>
#include <utility>

#include "json/msgpack_json.h"
#include "state/cell.h"
#include "topgun/sync/v1/sync.grpc.pb.h"

namespace topgun::ctl {
namespace {

using gateway::ReadableText;
using Lengths = google::protobuf::RepeatedField<uint32_t>;

// A column: texts behind each other, and their lengths.
class Column {
 public:
  Column(const std::string& bytes, const Lengths& lengths) : rest_(bytes), lengths_(lengths) {}

  int size() const { return lengths_.size(); }
  // False when the bytes do not reach.
  bool Next(std::string_view* out) {
    if (next_ >= lengths_.size() || lengths_[next_] > rest_.size()) return false;
    *out = rest_.substr(0, lengths_[next_]);
    rest_.remove_prefix(lengths_[next_++]);
    return true;
  }

 private:
  std::string_view rest_;
  const Lengths& lengths_;
  int next_ = 0;
};

// Keys and records as the administration of a gateway shows them, so that both can be compared.
bool AddRecords(const sync::v1::TreeNode& node, state::CellKind kind, TreeNode& out) {
  Column keys(node.keys(), node.key_lengths());
  Column tags(node.tags(), node.tag_lengths());
  Column cells(node.cells(), node.cell_lengths());
  for (int i = 0; i < keys.size(); ++i) {
    std::string_view key;
    std::string_view tag;
    std::string_view bytes;
    state::CellView cell;
    if (!keys.Next(&key) || !tags.Next(&tag) || !cells.Next(&bytes)) return false;
    if (!state::DecodeCell(bytes, &cell)) return false;
    std::string name = ReadableText(key);
    if (kind == state::CellKind::kOr) name += "/" + ReadableText(tag);
    out.records[std::move(name)] = RecordText(cell.timestamp.millis, cell.timestamp.counter,
                                              ReadableText(cell.timestamp.node_id), cell.tombstone);
  }
  return true;
}

bool AddNode(const sync::v1::TreeNode& node, state::CellKind kind, std::vector<TreeNode>& nodes) {
  const std::string& digits = node.digits();
  if (node.path() >= nodes.size()) return false;
  if (digits.size() != static_cast<size_t>(node.hashes_size())) return false;
  TreeNode& out = nodes[node.path()];
  out.hash = node.hash();
  for (size_t i = 0; i < digits.size(); ++i) {
    const uint32_t hash = node.hashes(static_cast<int>(i));
    if (hash != 0) out.children[digits[i]] = hash;
  }
  return AddRecords(node, kind, out);
}

StatusOr<std::vector<TreeNode>> ReadTree(const RpcClient& client,
                                         const sync::v1::ReadTreeRequest& request) {
  grpc::ClientContext context;
  client.SetDeadline(context);
  const auto stub = sync::v1::Sync::NewStub(client.channel());
  const auto stream = stub->ReadTree(&context, request);
  std::vector<TreeNode> nodes(static_cast<size_t>(request.paths_size()));
  const auto kind = static_cast<state::CellKind>(request.kind());
  bool understood = true;
  for (sync::v1::ReadTreeChunk chunk; stream->Read(&chunk);) {
    for (const sync::v1::TreeNode& node : chunk.nodes()) {
      understood = understood && AddNode(node, kind, nodes);
    }
  }
  RETURN_IF_ERROR(client.Explain(stream->Finish(), "topgun.sync.v1.Sync/ReadTree"));
  if (!understood) return Unavailable(client.target().name + ": a malformed tree");
  return nodes;
}

}  // namespace

StatusOr<std::vector<SyncMap>> ListMaps(const RpcClient& client) {
  grpc::ClientContext context;
  client.SetDeadline(context);
  sync::v1::ListMapsReply reply;
  const grpc::Status status =
      sync::v1::Sync::NewStub(client.channel())->ListMaps(&context, {}, &reply);
  RETURN_IF_ERROR(client.Explain(status, "topgun.sync.v1.Sync/ListMaps"));
  std::vector<SyncMap> maps;
  for (const sync::v1::MapInfo& info : reply.maps()) {
    maps.push_back({.map = info.map(),
                    .kind = static_cast<state::CellKind>(info.kind()),
                    .cells = info.cells()});
  }
  std::sort(maps.begin(), maps.end(), [](const SyncMap& a, const SyncMap& b) {
    return std::tie(a.map, a.kind) < std::tie(b.map, b.kind);
  });
  return maps;
}

StatusOr<std::optional<uint64_t>> CountMap(const RpcClient& client, const SyncMap& map) {
  grpc::ClientContext context;
  client.SetDeadline(context);
  sync::v1::CountMapRequest request;
  request.set_map(map.map);
  request.set_kind(static_cast<crdt::v1::CellKind>(map.kind));
  sync::v1::CountMapReply reply;
  const grpc::Status status =
      sync::v1::Sync::NewStub(client.channel())->CountMap(&context, request, &reply);
  if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) return std::nullopt;
  RETURN_IF_ERROR(client.Explain(status, "topgun.sync.v1.Sync/CountMap"));
  return reply.live();
}

ReadNodes TreeReaderOf(const RpcClient& client, const std::string& map, state::CellKind kind) {
  return [client, map, kind](const std::vector<std::string>& paths, bool records) {
    sync::v1::ReadTreeRequest request;
    request.set_map(map);
    request.set_kind(static_cast<crdt::v1::CellKind>(kind));
    for (const std::string& path : paths) request.add_paths(path);
    request.set_cells(records);
    return ReadTree(client, request);
  };
}

const char* Name(state::CellKind kind) {
  switch (kind) {
    case state::CellKind::kLww:
      return "lww";
    case state::CellKind::kOr:
      return "or";
    case state::CellKind::kCounter:
      return "counter";
  }
  return "unknown";
}

}  // namespace topgun::ctl
