// Access control of a cluster without policies: everything but the reserved maps is allowed.
// Stateless; any thread.
#pragma once

#include "access/access.h"
#include "wire/op.h"

namespace topgun::gateway {

class OpenAccess final : public AccessControl {
 public:
  OpenAccess() { state_ = State::kOpen; }

  Decision Check(const Principal& /*principal*/, Action /*action*/, std::string_view map,
                 std::string_view /*value*/) const override {
    return wire::IsReservedMapName(map) ? Decision::kDeny : Decision::kAllow;
  }
  uint64_t version() const override { return 0; }
};

}  // namespace topgun::gateway
