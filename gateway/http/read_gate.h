// Lets a limited number of reads run at a time and keeps a limited number of others waiting: each
// may bring a whole map into memory. Owned by an endpoint; one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <utility>

#include "metrics/registry.h"

namespace topgun::gateway {

struct ReadGateLimits {
  size_t running_max = 8;
  size_t waiting_max = 1'024;
};

class ReadGate {
 public:
  // Begins a read; `release` is to be called exactly once, when it has ended.
  using Read = std::function<void(std::function<void()> release)>;

  // `waiting` shows how many wait; it outlives the gate.
  ReadGate(const ReadGateLimits& limits, prometheus::Gauge& waiting)
      : limits_(limits), gauge_(waiting) {}

  // False: too many wait, the read is forgotten.
  bool Run(Read read) {
    if (running_ < limits_.running_max) {
      Start(read);
      return true;
    }
    if (waiting_.size() >= limits_.waiting_max) return false;
    waiting_.push_back(std::move(read));
    gauge_.Increment();
    return true;
  }

 private:
  void Start(const Read& read) {
    ++running_;
    read([this] { Release(); });
  }

  void Release() {
    --running_;
    if (waiting_.empty() || running_ >= limits_.running_max) return;
    const Read next = std::move(waiting_.front());
    waiting_.pop_front();
    gauge_.Decrement();
    Start(next);
  }

  const ReadGateLimits limits_;
  prometheus::Gauge& gauge_;
  std::deque<Read> waiting_;
  size_t running_ = 0;
};

}  // namespace topgun::gateway
