#include "driver/thinker.h"

#include <chrono>
#include <utility>

#include "driver/run_context.h"

namespace topgun::loadgen {

Thinker::Thinker(boost::asio::io_context& io, const ThinkTime& think, uint64_t seed,
                 std::function<void()> on_thought)
    : think_(think), on_thought_(std::move(on_thought)), random_(seed), timer_(io) {}

void Thinker::Think() {
  const int64_t end_ns = NowNs() + think_.Sample(random_);
  const bool first = due_ns_.empty() || end_ns < due_ns_.top();
  due_ns_.push(end_ns);
  if (first) Schedule();
}

void Thinker::Cancel() {
  timer_.cancel();
  due_ns_ = {};
}

void Thinker::Schedule() {
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(due_ns_.top())));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) OnTimer();
  });
}

void Thinker::OnTimer() {
  const int64_t now_ns = NowNs();
  size_t ended = 0;
  for (; !due_ns_.empty() && due_ns_.top() <= now_ns; due_ns_.pop()) ++ended;
  if (!due_ns_.empty()) Schedule();
  for (; ended > 0; --ended) on_thought_();
}

}  // namespace topgun::loadgen
