#include "backend/counter_reader.h"

#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "state/keys.h"

namespace topgun::gateway {
namespace {

struct CounterCall {
  sync::v1::ReadCounterRequest request;
  sync::v1::ReadCounterReply reply;
};

}  // namespace

void GrpcCounterReader::ReadCounter(const std::string& name, Done done) {
  if (calls_.running() >= kRunningMax) {
    boost::asio::post(io_, [done = std::move(done)] {
      done(ResourceExhausted("too many reads are on their way"));
    });
    return;
  }
  const auto call = std::make_shared<CounterCall>();
  call->request.set_name(name);
  calls_.Run(
      "ReadCounter", ReplicaSet::NameOfShard(state::ShardOf(name, shard_count_)),
      [call](Replica& replica, grpc::ClientContext& context, RetryingCalls::Ended ended) {
        call->reply.Clear();
        replica.stub().async()->ReadCounter(&context, &call->request, &call->reply,
                                            std::move(ended));
      },
      [call, done = std::move(done)](const Status& status) {
        if (!status.ok()) return done(status);
        done(std::move(*call->reply.mutable_state()));
      });
}

}  // namespace topgun::gateway
