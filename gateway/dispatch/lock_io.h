// What locks need from the cluster behind the gateway. backend/ implements it over gRPC, tests over
// nothing. On the loop's thread; no callback comes from inside the call that causes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/status.h"

namespace topgun::gateway {

struct LockWish {
  std::string name;
  std::string owner;  // origin of the connection
  std::chrono::milliseconds ttl{};
  std::chrono::milliseconds wait{};
  uint64_t held_token = 0;  // under which the owner holds it already
};

struct LockHold {
  std::string name;
  std::string owner;
  uint64_t token = 0;  // 0: whatever the owner holds
};

class LockClient {
 public:
  using CallId = uint64_t;
  // The token; nothing: its turn did not come in time. RESOURCE_EXHAUSTED: too many wait. After
  // another failure it may be granted all the same.
  using Granted = std::function<void(StatusOr<std::optional<uint64_t>>)>;
  // Whether it was held like that, and is free now.
  using Released = std::function<void(StatusOr<bool>)>;

  virtual ~LockClient() = default;

  // Both retry inside, the one while it may wait, the other for as long as `patience`.
  virtual CallId Acquire(const LockWish& wish, Granted done) = 0;
  virtual void Release(const LockHold& hold, std::chrono::milliseconds patience, Released done) = 0;
  // Nobody waits for the lock any more: `done` is not called. It may be granted all the same.
  virtual void Cancel(CallId acquire) = 0;
};

}  // namespace topgun::gateway
