// Token buckets per client address, for endpoints that an attacker would like to call often.
//
// An IPv6 client owns a whole /64, so that is what is counted. Memory is bounded: when too many
// addresses are known, those whose buckets are full again are forgotten, then any. One instance
// serves all loops; any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/base/thread_annotations.h"

namespace topgun::gateway {

struct AddressLimits {
  double per_second = 100;
  double burst = 50;
  size_t addresses_max = 10'000;
};

class AddressLimiter {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit AddressLimiter(const AddressLimits& limits) : limits_(limits) {}

  // False: the client has used up its share.
  bool Allow(std::string_view address, Time now);
  size_t addresses() const;

 private:
  struct Bucket {
    double tokens = 0;
    Time at;
  };

  double TokensAt(const Bucket& bucket, Time now) const;
  void MakeRoom(Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const AddressLimits limits_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace topgun::gateway
