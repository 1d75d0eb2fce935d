// Waits for parts that loops deliver and hands them over together, or the first failure. One step
// of a call that has several; Gathering is the last one. Thread-safe.
#pragma once

#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/status.h"

namespace topgun::sync {

template <typename Part>
class Collector {
 public:
  // Called once, by the call of Add() that decides.
  using Done = std::function<void(StatusOr<std::vector<Part>>)>;

  Collector(size_t parts, Done done) : done_(std::move(done)), open_(parts) {}

  void Add(StatusOr<Part> part) {
    {
      const std::lock_guard lock(mutex_);
      if (open_ == 0) return;
      if (part.ok()) {
        parts_.push_back(*std::move(part));
        if (--open_ != 0) return;
      } else {
        open_ = 0;
      }
    }
    if (part.ok()) {
      done_(std::move(parts_));
    } else {
      done_(part.status());
    }
  }

 private:
  std::mutex mutex_;
  const Done done_;
  size_t open_;
  std::vector<Part> parts_;
};

}  // namespace topgun::sync
