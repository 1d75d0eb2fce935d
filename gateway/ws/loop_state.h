// What the accepted sockets of one loop share. Owned by them and by the listener together, so that
// it outlives both; used on the loop only. Included by beast_listener.cc only (see
// beast_session.h).
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "ws/listener.h"

namespace topgun::gateway {

// A connection that is no WebSocket yet.
class Incoming {
 public:
  virtual ~Incoming() = default;
  // A graceful stop: a request at hand is answered, but no other one is waited for.
  virtual void Drain() = 0;
};

// Counts and limits of the loop, and those to tell of a graceful stop.
struct LoopState {
  LoopState(const Listener::Loop& loop_in, const ListenerLimits& limits_in)
      : loop(loop_in), limits(limits_in) {}

  const Listener::Loop loop;
  ListenerLimits limits;
  std::vector<char> scratch = std::vector<char>(size_t{256} << 10);
  std::unordered_set<Incoming*> incoming;
  uint64_t body_bytes = 0;   // of requests that are read or worked on
  bool draining = false;     // requests in hand are answered, no other one is waited for
  bool refusing_ws = false;  // clients are to connect elsewhere
};

}  // namespace topgun::gateway
