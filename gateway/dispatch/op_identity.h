// Recognises an op that a client sends again (core.md 5.2): the same map, key, kind, timestamp,
// tag, id and value. 128 bits of hash stand for all of them; equal hashes of different ops would
// lose a write, and are as likely as a broken memory. Value; any thread.
#pragma once

#include <cstdint>
#include <utility>

#include "wire/op.h"

namespace topgun::gateway {

struct OpIdentity {
  uint64_t high = 0;
  uint64_t low = 0;

  friend bool operator==(const OpIdentity&, const OpIdentity&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const OpIdentity& identity) {
    return H::combine(std::move(state), identity.low);
  }
};

OpIdentity IdentityOf(const wire::Op& op);

// The same op with another concern is another op to wait for. Its own inverse.
inline OpIdentity WithConcern(OpIdentity identity, wire::WriteConcern concern) {
  if (concern != wire::WriteConcern::kApplied) {
    identity.high ^= 0x9e3779b97f4a7c15U * (static_cast<uint64_t>(concern) + 1);
  }
  return identity;
}

}  // namespace topgun::gateway
