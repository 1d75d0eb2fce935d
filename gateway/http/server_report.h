// What the process says of itself on HTTP. Values.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace topgun::gateway {

enum class ServerState : uint8_t { kStarting, kReady, kDraining, kStopped };

// The word in GET /health.
std::string_view Name(ServerState state);

struct ServerReport {
  ServerState state = ServerState::kStarting;
  uint64_t connections = 0;  // WebSockets
  uint64_t in_flight = 0;    // HTTP requests that are worked on
  uint64_t uptime_seconds = 0;
  uint64_t operations = 0;  // finished since the start
};

// Callable from any thread.
using ServerReporter = std::function<ServerReport()>;

}  // namespace topgun::gateway
