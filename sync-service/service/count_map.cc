// How many records of a map clients can see: the sum over the views of all loops.
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "service/gathering.h"
#include "service/sync_service.h"

namespace topgun::sync {

grpc::ServerUnaryReactor* SyncService::CountMap(grpc::CallbackServerContext* context,
                                                const v1::CountMapRequest* request,
                                                v1::CountMapReply* reply) {
  const auto kind = static_cast<state::CellKind>(request->kind());
  if (kind != state::CellKind::kLww && kind != state::CellKind::kOr) {
    auto* const refused = context->DefaultReactor();
    refused->Finish(rpc::ToGrpc(InvalidArgument("kind: must be LWW or OR")));
    return refused;
  }
  const auto gathering = std::make_shared<Gathering<uint64_t>>(
      loops_.loop_count(), [reply](const std::vector<uint64_t>& parts) {
        reply->set_live(std::accumulate(parts.begin(), parts.end(), uint64_t{0}));
      });
  grpc::ServerUnaryReactor* const reactor = Gathering<uint64_t>::ReactorOf(gathering);
  for (size_t loop = 0; loop < loops_.loop_count(); ++loop) {
    const bool posted = loops_.Post(loop, [this, loop, kind, gathering, map = request->map()] {
      loops_.ViewsOf(loop).Count(
          kind, map, [gathering](StatusOr<uint64_t> live) { gathering->Add(std::move(live)); });
    });
    if (!posted) gathering->Add(Unavailable("shutting down"));
  }
  return reactor;
}

}  // namespace topgun::sync
