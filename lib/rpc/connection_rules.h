// Timing both ends of a connection must agree on. Private to this library.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace topgun::rpc {

using std::chrono::milliseconds;

// Either end pings a quiet connection and gives it up when no answer comes: a peer that vanished
// without a word (a lost machine, a dropped rule in a firewall) is noticed within 30 s.
inline constexpr milliseconds kPingInterval = std::chrono::seconds(20);
inline constexpr milliseconds kPingTimeout = std::chrono::seconds(10);

// A server closes connections that ping more often than this.
inline constexpr milliseconds kPingIntervalAllowed = std::chrono::seconds(5);
static_assert(kPingIntervalAllowed < kPingInterval, "servers would refuse our own channels");

inline constexpr milliseconds kReconnectBackoffMin{50};
inline constexpr milliseconds kReconnectBackoffMax = std::chrono::seconds(1);

// What streams get to end once their connection has reached its age.
inline constexpr milliseconds kConnectionAgeGrace = std::chrono::seconds(30);

// gRPC's arguments are ints.
template <typename T>
int ToInt(T value) {
  constexpr auto kMax = static_cast<T>(std::numeric_limits<int>::max());
  return static_cast<int>(std::min(value, kMax));
}
inline int ToInt(milliseconds value) { return ToInt<int64_t>(value.count()); }

}  // namespace topgun::rpc
