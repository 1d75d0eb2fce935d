// Which values went out as SERVER_EVENTs lately.
//
// The stock client takes the timestamp of an event over whose value equals its own, even though its
// own write is newer and still on its way (core.md 4.1, echo adoption). When that write is
// committed it must be told of it, or it keeps the older timestamp: its root differs, and it would
// accept records that the cluster has refused. Writers are otherwise left out, so this remembers
// which (map, key, value) they may have adopted.
//
// Remembers at least the latest `limit` and at most twice as many; the older half is forgotten at
// once. A write that was on its way for longer than that leaves its client to the next Merkle sync.
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_set.h"

namespace topgun::gateway {

class ToldValues {
 public:
  static constexpr size_t kLimit = 32'768;

  explicit ToldValues(size_t limit = kLimit) : limit_(limit) {}

  void Add(uint64_t value) {
    if (latest_.size() >= limit_) {
      earlier_.swap(latest_);
      latest_.clear();
    }
    latest_.insert(value);
  }
  bool Contains(uint64_t value) const {
    return latest_.contains(value) || earlier_.contains(value);
  }
  size_t size() const { return latest_.size() + earlier_.size(); }

 private:
  const size_t limit_;
  absl::flat_hash_set<uint64_t> latest_;
  absl::flat_hash_set<uint64_t> earlier_;
};

}  // namespace topgun::gateway
