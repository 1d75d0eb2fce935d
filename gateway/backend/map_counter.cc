#include "backend/map_counter.h"

#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "rpc/status.h"

namespace topgun::gateway {
namespace {

struct CountCall {
  sync::v1::CountMapRequest request;
  sync::v1::CountMapReply reply;
  bool too_large = false;
};

}  // namespace

void GrpcMapCounter::Count(state::CellKind kind, const std::string& map, Done done) {
  if (calls_.running() >= kRunningMax) {
    boost::asio::post(io_, [done = std::move(done)] {
      done(ResourceExhausted("too many reads are on their way"));
    });
    return;
  }
  const auto call = std::make_shared<CountCall>();
  call->request.set_map(map);
  call->request.set_kind(static_cast<crdt::v1::CellKind>(kind));
  calls_.Run(
      "CountMap", "map/" + map,
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        call->reply.Clear();
        replica.stub().async()->CountMap(
            &context, &call->request, &call->reply,
            [call, ended = std::move(ended)](const grpc::Status& status) {
              // No other replica has more room: this is an answer.
              call->too_large = status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
              ended(call->too_large ? grpc::Status::OK : status);
            });
      },
      [call, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        if (call->too_large) return done(ResourceExhausted("the map is too large to be counted"));
        done(call->reply.live());
      });
}

}  // namespace topgun::gateway
