// GET /api/auth/status and POST /api/auth/login (core.md 9.2). Exchange and refresh of tokens are
// not configured anywhere, so their paths answer 404 like any other that does not exist.
#pragma once

#include "auth/admin_login.h"
#include "http/address_limiter.h"
#include "http/router.h"

namespace topgun::gateway {

struct AuthEndpointOptions {
  bool auth_required = true;
  // Without authentication the administration is for the machine itself only: on other addresses
  // the login does not exist either.
  bool login_on_loopback_only = false;
};

// Guessing passwords: a few at once, then one per second.
inline constexpr AddressLimits kLoginLimits{.per_second = 1, .burst = 10, .addresses_max = 10'000};

// `login` and `limiter` outlive the router; they serve all loops.
void MountAuthEndpoints(Router& router, const AuthEndpointOptions& options, const AdminLogin& login,
                        AddressLimiter& limiter);

}  // namespace topgun::gateway
