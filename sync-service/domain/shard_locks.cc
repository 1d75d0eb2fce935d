#include "domain/shard_locks.h"

#include <utility>

namespace topgun::sync {

void ShardLocks::AwaitOpen(uint32_t shard, std::function<void()> task) {
  Shard& at = shard_at_(shard);
  if (at.open()) return task();
  at.Barrier([task = std::move(task)](const StatusOr<state::Position>&) { task(); });
}

void ShardLocks::Acquire(uint32_t shard, const LockAsk& ask, Callback<LockAnswer> callback) {
  Shard& at = shard_at_(shard);
  at.store().AcquireLock(at.feed().position().incarnation, ask,
                         [&at, callback = std::move(callback)](const StatusOr<LockReply>& reply) {
                           if (!reply.ok()) return callback(reply.status());
                           if (reply->code == state::LockCode::kClosed) {
                             // Finds it closed as well, and has it opened.
                             at.Barrier([](const StatusOr<state::Position>&) {});
                             return callback(Unavailable("the shard is closed"));
                           }
                           callback(LockAnswer{.token = reply->token, .left_ms = reply->left_ms});
                         });
}

void ShardLocks::Release(uint32_t shard, const LockHold& hold, Callback<bool> callback) {
  shard_at_(shard).store().ReleaseLock(hold, std::move(callback));
}

}  // namespace topgun::sync
