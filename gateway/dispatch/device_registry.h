// Device identities (core.md 2.5, features.md 10.3): issued to whoever presents none, recognised
// when presented again, at any gateway.
//
// A credential is `<uuid>.<64 hex digits>`. The cluster keeps the SHA-256 of the 32 bytes behind
// the digits in the map state::kDeviceMap, under a key that binds the identity to its caller, for
// kKeepMs after its last use.
//
// An identity is a convenience: whatever goes wrong, the client goes on without one, after
// kPatience at the latest. Limit: requests that wait. Owned by the loop; one thread. Tick() is
// called every ConnectionTable::kTick.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"
#include "crdt/hybrid_logical_clock.h"
#include "dispatch/detached_writes.h"
#include "dispatch/io.h"
#include "probe.h"

namespace topgun::gateway {

struct DeviceIdentity {
  std::string id;
  std::string token;  // only of a new one
};

class DeviceRegistry {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Nothing: go on without an identity.
  using Done = std::function<void(const std::optional<DeviceIdentity>&)>;

  static constexpr size_t kWaitingMax = 1'024;
  static constexpr size_t kCallerBytesMax = 1'024;
  static constexpr std::chrono::milliseconds kPatience{1'000};
  static constexpr int64_t kDayMs = int64_t{24} * 60 * 60 * 1'000;
  static constexpr int64_t kKeepMs = 400 * kDayMs;

  // `node_id` names this loop in timestamps: [a-z0-9-].
  DeviceRegistry(std::string node_id, CellReader& cells, DetachedWrites& writes,
                 const WallClock& clock, Probe& probe)
      : cells_(cells),
        writes_(writes),
        clock_(clock),
        stamps_(std::move(node_id), clock),
        probe_(probe) {}

  // `caller` is the user's id, nothing for anonymous clients; `token` may be empty or nonsense.
  // `done` runs exactly once, inside the call when too many wait or
  // the caller's id is too long, unless the loop ends before.
  void Identify(std::optional<std::string_view> caller, std::string_view token, Done done);
  void Tick(Time now);

  size_t waiting() const { return waiting_.size(); }

 private:
  using Secret = std::array<unsigned char, 32>;

  struct Credential {
    std::string id;
    Secret secret{};
  };
  struct Waiting {
    Done done;
    Time deadline;
  };

  static std::optional<Credential> Parse(std::string_view token);
  static std::string Hash(const Secret& secret);

  void Recognise(uint64_t request, const std::string& caller, const Credential& presented);
  // True when the stored cell is of this credential; refreshes it.
  bool Matches(const std::string& caller, const Credential& presented, std::string_view cell);
  void Mint(uint64_t request, const std::string& caller);
  void Write(const std::string& key, const Secret& secret, DetachedWrites::Done done);
  void Finish(uint64_t request, DeviceResult result, std::optional<DeviceIdentity> identity);

  CellReader& cells_;
  DetachedWrites& writes_;
  const WallClock& clock_;
  crdt::HybridLogicalClock stamps_;
  Probe& probe_;
  std::map<uint64_t, Waiting> waiting_;  // by number, so by age
  uint64_t next_request_ = 1;
};

}  // namespace topgun::gateway
