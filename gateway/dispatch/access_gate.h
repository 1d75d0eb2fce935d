// Where the policies meet the connections of a loop (core.md 10): what waits for them, which reads
// they allow, and what follows when they change.
//
// Nothing may be decided before the policies are read. A frame that needs a decision is held then,
// and handled as soon as the policies are known. After `wait` it is handled without: writes are
// refused with 429 and the client is told later to send them again, reads are answered with 503.
// Nothing is lost, and nothing is decided wrongly.
//
// The socket is read on, so that what needs no decision is answered at once: a client that hears no
// PONG for 15 s gives its connection up (core.md 2.7). Frames that need one, and the end of a query
// or search that may be held itself, keep their order.
//
// When the policies change, live queries, synced maps and topics that may no longer be read are
// suspended with an ERROR, and those that may be read again are fed again.
//
// Limits: `frames_per_connection_max`, then its socket is not read; `held_bytes_max` for all of
// them, then a frame is handled at once, behind those of its connection. Owned by the loop; one
// thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "access/access.h"
#include "dispatch/io.h"
#include "dispatch/loop_context.h"
#include "probe.h"
#include "wire/frame_type.h"

namespace topgun::gateway {

class Connection;

struct AccessGateOptions {
  std::chrono::milliseconds wait{5'000};
  size_t frames_per_connection_max = 256;
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

  // True: the frame is kept, because the policies are not known or earlier ones are kept; or else
  // it was handled. What was decoded of it is gone then.
  bool Hold(Connection& connection, wire::FrameType type, std::string_view message) {
    if (order_.empty() && !Unknown()) return false;
    return HoldIfNeeded(connection, type, message);
  }

  Decision CheckRead(const Connection& connection, std::string_view map) const;
  // Tells why a read of the map is not answered.
  static void RefuseRead(Connection& connection, Decision decision, std::string_view map);

  // The policies may have changed. What follows happens in a later turn.
  void OnPoliciesChanged();
  void Tick(Time now);

  size_t held() const { return frames_; }

 private:
  struct Held {
    uint64_t number = 0;
    std::string message;
  };
  // Whose turn it is; its frame may have been handled before.
  struct Turn {
    ConnectionId connection;
    uint64_t number = 0;
    Time since;
  };
  struct IdHash {
    size_t operator()(const ConnectionId& id) const {
      return std::hash<uint64_t>()(uint64_t{id.generation} << 32U | id.slot);
    }
  };
  using Frames = std::deque<Held>;

  bool HoldIfNeeded(Connection& connection, wire::FrameType type, std::string_view message);
  // Handles what the connection holds.
  void HandleAllOf(Connection& connection);
  Held TakeFirst(Frames& frames);
  bool Unknown() const { return access_.state() == AccessControl::State::kUnknown; }
  void Follow();
  void Release();
  void HandleOldest();

  const AccessGateOptions options_;
  const AccessControl& access_;
  const Defer defer_;
  Probe& probe_;
  LoopContext* context_ = nullptr;
  std::unordered_map<ConnectionId, Frames, IdHash> held_;  // none is empty
  std::deque<Turn> order_;                                 // oldest first
  size_t frames_ = 0;
  size_t held_bytes_ = 0;
  uint64_t next_number_ = 0;
  bool follow_wanted_ = false;
  bool releasing_ = false;
};

}  // namespace topgun::gateway
