// Nodes of a map's Merkle tree, merged from the parts of all loops' views.
#include <memory>
#include <utility>
#include <vector>

#include "service/gathering_stream.h"
#include "service/sync_service.h"
#include "service/tree_codec.h"

namespace topgun::sync {

grpc::ServerWriteReactor<v1::ReadTreeChunk>* SyncService::ReadTree(
    grpc::CallbackServerContext* /*context*/, const v1::ReadTreeRequest* request) {
  using Stream = GatheringStream<TreePart, v1::ReadTreeChunk>;
  StatusOr<TreeQuery> decoded = DecodeTreeQuery(*request);
  const Status status = decoded.status();
  const auto query = std::make_shared<const TreeQuery>(std::move(decoded).value_or(TreeQuery{}));
  const auto stream =
      std::make_shared<Stream>(loops_.loop_count(), [query](std::vector<TreePart> parts) {
        return CutTree(*query, MergeTrees(std::move(parts)));
      });
  auto* const reactor = Stream::ReactorOf(stream);
  if (!status.ok()) stream->Add(status);
  const auto kind = static_cast<state::CellKind>(request->kind());
  for (size_t loop = 0; status.ok() && loop < loops_.loop_count(); ++loop) {
    const bool posted = loops_.Post(loop, [this, loop, kind, stream, query, map = request->map()] {
      loops_.ViewsOf(loop).ReadTree(
          kind, map, query, [stream](StatusOr<TreePart> part) { stream->Add(std::move(part)); });
    });
    if (!posted) stream->Add(Unavailable("shutting down"));
  }
  return reactor;
}

}  // namespace topgun::sync
