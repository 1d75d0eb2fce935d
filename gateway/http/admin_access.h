// Who may use the administration endpoints (core.md 9.2): whoever has a token with the role
// `admin`; without authentication everybody who can reach them. Requests per client address are
// limited first, so that tokens cannot be tried at any speed.
//
// One instance per loop, used on its thread; the limiter is shared by all loops.
#pragma once

#include <chrono>
#include <optional>

#include "auth/token_verifier.h"
#include "http/address_limiter.h"
#include "http/router.h"

namespace topgun::gateway {

inline constexpr AddressLimits kAdminLimits{
    .per_second = 100, .burst = 50, .addresses_max = 10'000};

class AdminAccess {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `verifier` is null in no-auth mode. Both outlive this.
  AdminAccess(const TokenVerifier* verifier, AddressLimiter& limiter)
      : verifier_(verifier), limiter_(limiter) {}

  // The answer to somebody who may not; nothing for an administrator.
  std::optional<HttpResponse> Refusal(const RoutedRequest& request, Time now) const;

  // The endpoint for administrators only. This must outlive it.
  Router::Endpoint Guard(Router::Endpoint endpoint) const;

 private:
  const TokenVerifier* const verifier_;
  AddressLimiter& limiter_;
};

}  // namespace topgun::gateway
