// RedisShardStore: the locks of a shard.
#include <string>
#include <utility>
#include <vector>

#include "shard_replies.h"
#include "store/redis_shard_store.h"

namespace topgun::sync {

void RedisShardStore::AcquireLock(uint64_t incarnation, const LockAsk& ask,
                                  Callback<LockReply> callback) {
  const std::string lock = keys_.Lock(ask.name);
  const std::string inc = std::to_string(incarnation);
  const std::string ttl = std::to_string(ask.ttl_ms);
  const std::string held_token = std::to_string(ask.held_token);
  const std::vector<std::string_view> args{keys_.meta(), keys_.token(), lock, route_.run(),
                                           inc,          ask.owner,     ttl,  held_token};
  route_.Eval(state::LockAcquireScript(), 3, args,
              [callback = std::move(callback)](const StatusOr<redis::Reply>& reply) {
                if (!reply.ok()) return callback(reply.status());
                callback(ParseLock(redis::ReplyView(reply->get())));
              });
}

void RedisShardStore::ReleaseLock(const LockHold& hold, Callback<bool> callback) {
  const std::string lock = keys_.Lock(hold.name);
  const std::string token = std::to_string(hold.token);
  const std::vector<std::string_view> args{lock, token, hold.owner};
  route_.Eval(state::LockReleaseScript(), 1, args,
              [callback = std::move(callback)](const StatusOr<redis::Reply>& reply) {
                if (!reply.ok()) return callback(reply.status());
                callback(redis::ReplyView(reply->get())[0].integer() == 1);
              });
}

}  // namespace topgun::sync
