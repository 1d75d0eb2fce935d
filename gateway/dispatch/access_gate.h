// Where the policies meet the connections of a loop (core.md 10): what waits for them, which reads
// they allow, and what follows when they change.
//
// Nothing may be decided before the policies are read. A frame that arrives then is held, its
// connection's socket is not read, and the frame is handled as soon as the policies are known.
// After `wait` it is handled without: writes are refused with 429 and the client is told later to
// send them again, reads are answered with 503. Nothing is lost, and nothing is decided wrongly.
//
// When the policies change, live queries and synced maps that may no longer be read are suspended
// with an ERROR, and those that may be read again are fed again.
//
// Limits: one held frame per connection, `held_bytes_max` for all of them; beyond it a frame is
// handled at once. Owned by the loop; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <utility>

#include "access/access.h"
#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "probe.h"

namespace topgun::gateway {

class Connection;

struct AccessGateOptions {
  std::chrono::milliseconds wait{5'000};
  size_t held_bytes_max = size_t{64} << 20;
};

class AccessGate {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Frames handled per turn of the loop once the policies are known.
  static constexpr size_t kReleasedPerTurn = 1'000;

  AccessGate(const AccessGateOptions& options, const AccessControl& access, Defer defer,
             Probe& probe)
      : options_(options), access_(access), defer_(std::move(defer)), probe_(probe) {}
  void Bind(LoopContext& context) { context_ = &context; }

  // True: the policies are not known, and the frame is kept. The connection holds none yet.
  bool Hold(Connection& connection, std::string_view message);

  Decision CheckRead(const Connection& connection, std::string_view map) const;
  // Tells why a read of the map is not answered.
  static void RefuseRead(Connection& connection, Decision decision, std::string_view map);

  // The policies may have changed. What follows happens in a later turn.
  void OnPoliciesChanged();
  void Tick(Time now);

  size_t held() const { return held_.size(); }

 private:
  struct Held {
    ConnectionId connection;
    std::string message;
    Time since;
  };

  bool Unknown() const { return access_.state() == AccessControl::State::kUnknown; }
  void Follow();
  void Release();
  void HandleOldest();

  const AccessGateOptions options_;
  const AccessControl& access_;
  const Defer defer_;
  Probe& probe_;
  LoopContext* context_ = nullptr;
  std::deque<Held> held_;  // oldest first
  size_t held_bytes_ = 0;
  bool follow_wanted_ = false;
  bool releasing_ = false;
};

}  // namespace topgun::gateway
