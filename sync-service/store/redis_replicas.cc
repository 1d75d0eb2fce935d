#include "store/redis_replicas.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace topgun::sync {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kRoundMax{1000};

}  // namespace

RedisReplicas::RedisReplicas(boost::asio::io_context& io, redis::ConnectionOptions connection,
                             ReplicaOptions options, Probe& probe)
    : io_(io),
      options_(options),
      probe_(probe),
      timer_(io),
      connection_(io, std::move(connection),
                  {.connected = [this](const std::string&) { StartRound(); },
                   .disconnected = [](const Status&) {}}),
      alive_(std::make_shared<char>()) {}

void RedisReplicas::Close() {
  timer_.cancel();
  connection_.Close();
}

void RedisReplicas::Confirm(const std::string& run, const std::string& fence_key,
                            uint32_t timeout_ms, std::function<void(bool)> callback) {
  if (waiters_.size() >= options_.waiters_max) {
    probe_.ReplicasAsked(ReplicaWait::kRefused, 0);
    return boost::asio::post(io_, [callback = std::move(callback)] { callback(false); });
  }
  const auto now = Clock::now();
  const auto deadline = now + milliseconds(timeout_ms);
  const bool earliest = waiters_.empty() || deadline < waiters_.begin()->first;
  waiters_.emplace(deadline, Waiter{run, fence_key, now, false, std::move(callback)});
  probe_.ReplicaWaiters(1);
  if (earliest) ArmTimer();
  StartRound();
}

void RedisReplicas::StartRound() {
  if (round_running_ || !connection_.connected()) return;
  // Another primary, or this one with another past, tells nothing about what this one committed.
  Answer([this](const Waiter& waiter) { return waiter.run != connection_.run(); },
         ReplicaWait::kFailed);
  if (round_running_ || waiters_.empty()) return;
  for (auto& [deadline, waiter] : waiters_) waiter.in_round = true;
  const auto left = std::chrono::ceil<milliseconds>(waiters_.rbegin()->first - Clock::now());
  const milliseconds block = std::clamp(left, milliseconds(1), kRoundMax);
  const std::string replicas = std::to_string(options_.replicas);
  const std::string block_ms = std::to_string(block.count());
  const std::string_view wait[] = {"WAIT", replicas, block_ms};
  round_running_ = true;
  connection_.Send({"SET", waiters_.begin()->second.fence_key, "1"},
                   [this](const StatusOr<redis::Reply>& reply) { fence_ = reply.status(); });
  connection_.SendBlocking(wait, block,
                           [this](const StatusOr<redis::Reply>& reply) { OnRound(reply); });
}

void RedisReplicas::OnRound(const StatusOr<redis::Reply>& reply) {
  round_running_ = false;
  const auto in_round = [](const Waiter& waiter) { return waiter.in_round; };
  if (!fence_.ok() || !reply.ok()) {
    // A lost connection is tried again; a primary that refuses is not asked for ever.
    if (!connection_.connected()) return LeaveRound();
    Answer(in_round, ReplicaWait::kFailed);
  } else if (redis::ReplyView(reply->get()).integer() >= static_cast<int64_t>(options_.replicas)) {
    Answer(in_round, ReplicaWait::kConfirmed);
  } else {
    LeaveRound();  // the timer ends those whose time is over
    Expire();
  }
  StartRound();
}

void RedisReplicas::LeaveRound() {
  for (auto& [deadline, waiter] : waiters_) waiter.in_round = false;
}

void RedisReplicas::ArmTimer() {
  if (waiters_.empty()) return;
  timer_.expires_at(waiters_.begin()->first);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) Expire();
  });
}

void RedisReplicas::Expire() {
  const auto now = Clock::now();
  std::vector<Waiter> late;
  while (!waiters_.empty() && waiters_.begin()->first <= now) {
    late.push_back(std::move(waiters_.extract(waiters_.begin()).mapped()));
  }
  probe_.ReplicaWaiters(-static_cast<int64_t>(late.size()));
  ArmTimer();
  for (const Waiter& waiter : late) {
    probe_.ReplicasAsked(ReplicaWait::kTimedOut, 0);
    waiter.callback(false);
  }
}

template <typename Condition>
void RedisReplicas::Answer(Condition condition, ReplicaWait result) {
  std::vector<Waiter> answered;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (condition(it->second)) {
      answered.push_back(std::move(it->second));
      it = waiters_.erase(it);
    } else {
      ++it;
    }
  }
  probe_.ReplicaWaiters(-static_cast<int64_t>(answered.size()));
  const auto now = Clock::now();
  for (const Waiter& waiter : answered) {
    probe_.ReplicasAsked(result, std::chrono::duration<double>(now - waiter.since).count());
    waiter.callback(result == ReplicaWait::kConfirmed);
  }
}

}  // namespace topgun::sync
