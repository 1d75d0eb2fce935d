// The state of a PN counter: all of it is in the shard of its name, so one loop is asked.
#include <string>
#include <utility>
#include <vector>

#include "service/gathering.h"
#include "service/sync_service.h"
#include "state/keys.h"

namespace topgun::sync {

grpc::ServerUnaryReactor* SyncService::ReadCounter(grpc::CallbackServerContext* /*context*/,
                                                   const v1::ReadCounterRequest* request,
                                                   v1::ReadCounterReply* reply) {
  const auto gathering = std::make_shared<Gathering<std::string>>(
      1, [reply](std::vector<std::string>& parts) { reply->set_state(std::move(parts.front())); });
  grpc::ServerUnaryReactor* const reactor = Gathering<std::string>::ReactorOf(gathering);
  const uint32_t shard = state::ShardOf(request->name(), loops_.shard_count());
  const size_t loop = loops_.LoopOf(shard);
  const bool posted = loops_.Post(loop, [this, loop, shard, gathering, name = request->name()] {
    loops_.ViewsOf(loop).counters().Read(
        loops_.ShardAt(shard), name,
        [gathering](StatusOr<std::string> state) { gathering->Add(std::move(state)); });
  });
  if (!posted) gathering->Add(Unavailable("shutting down"));
  return reactor;
}

}  // namespace topgun::sync
