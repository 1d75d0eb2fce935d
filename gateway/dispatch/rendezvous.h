// Rendezvous hashing: every gateway picks the same member for a name without talking to the others,
// and a member that comes or goes moves only its own share. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace topgun::gateway {

// The member with the highest score wins. Fixed for ever: gateways of different builds must agree.
inline uint64_t RendezvousScore(std::string_view member, std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a over member, a separator and name
  const auto add = [&hash](std::string_view bytes) {
    for (const char byte : bytes) {
      hash ^= static_cast<unsigned char>(byte);
      hash *= 0x100000001b3ULL;
    }
  };
  add(member);
  add({"\0", 1});
  add(name);
  // FNV leaves the high bits poorly mixed, and they decide the comparison.
  hash ^= hash >> 33U;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33U;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  hash ^= hash >> 33U;
  return hash;
}

}  // namespace topgun::gateway
