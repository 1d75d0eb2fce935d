// Shard: finding it open. Closed until Redis is there; checked against meta, which the owner writes
// when it opens the shard for this run of Redis; open once the feed has been followed to the tail.
#include <algorithm>
#include <utility>

#include "domain/shard.h"
#include "logging/logging.h"

namespace topgun::sync {

namespace {

constexpr int64_t kBackoffMinMs = 20;
constexpr int64_t kBackoffMaxMs = 1000;

}  // namespace

void Shard::OnConnected() {
  ++connection_;
  SetState(State::kClosed);
  backoff_ms_ = 0;
  Check();
}

void Shard::OnDisconnected() {
  ++connection_;
  SetState(State::kClosed);
}

void Shard::SetState(State state) {
  if ((state_ == State::kOpen) != (state == State::kOpen)) {
    deps_.probe.ShardsOpen(state == State::kOpen ? 1 : -1);
  }
  state_ = state;
}

void Shard::Check() {
  if (state_ == State::kChecking || deps_.store.run().empty()) return;
  SetState(State::kChecking);
  deps_.store.ReadMeta([this](StatusOr<ShardMeta> meta) { OnMeta(std::move(meta)); });
}

void Shard::OnMeta(StatusOr<ShardMeta> meta) {
  if (state_ != State::kChecking) return;  // disconnected meanwhile
  if (!meta.ok()) return RetryCheck(meta.status());
  if (!meta->exists || meta->run != deps_.store.run()) return AskOwner();
  Adopt(*meta);
}

void Shard::AskOwner() {
  deps_.owner.OpenShard(shard_, deps_.store.run(), [this](const Status& status) {
    if (state_ != State::kChecking) return;
    if (!status.ok()) deps_.probe.OpenFailed();
    RetryCheck(status);
  });
}

void Shard::RetryCheck(const Status& reason) {
  SetState(State::kClosed);
  if (!reason.ok()) {
    logging::Debug("shard", "not open yet", {{"shard", shard_}, {"reason", Message(reason)}});
  }
  backoff_ms_ = std::clamp(backoff_ms_ * 2, kBackoffMinMs, kBackoffMaxMs);
  if (std::exchange(check_scheduled_, true)) return;
  deps_.scheduler.After(backoff_ms_, [this] {
    check_scheduled_ = false;
    if (state_ == State::kClosed) Check();
  });
}

void Shard::Adopt(const ShardMeta& meta) {
  const bool known = follower_.position() != state::Position{};
  const bool raised = meta.tail.incarnation != follower_.position().incarnation;
  if (raised) {
    follower_.cache().Clear();
    deps_.probe.ShardOpened();
    logging::Info("shard", "open",
                  {{"shard", shard_}, {"incarnation", meta.tail.incarnation}, {"n", meta.tail.n}});
  }
  backoff_ms_ = 0;
  const auto follow = [this](const Status& status) {
    if (state_ != State::kChecking) return;
    if (!status.ok()) return RetryCheck(status);
    follower_.LearnRareMaps([this](const Status& learned) {
      if (state_ != State::kChecking) return;
      if (!learned.ok()) return RetryCheck(learned);
      Open();
    });
  };
  if (known) {
    follower_.CatchUp(meta.tail, follow);
  } else {
    follower_.JumpTo(meta.tail, follow);
  }
}

void Shard::Open() {
  SetState(State::kOpen);
  Pump();
  if (!barrier_waiters_.empty()) RunBarrier();
}

void Shard::Close() {
  if (state_ == State::kChecking) return;
  SetState(State::kClosed);
  Check();
}

}  // namespace topgun::sync
