// JSON Web Tokens (core.md 2.4).
//
// The key decides the algorithm, never the token: a secret that is a PEM public key means RS256,
// anything else HS256. So neither "none" nor an HMAC keyed with a public key gets past. `exp` and
// `sub` are required, `nbf` is honoured, both with a leeway; `iss` and `aud` are required as soon
// as they are configured.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "auth/token_verifier.h"
#include "base/clock.h"

namespace topgun::gateway {

struct JwtOptions {
  std::string secret;  // HMAC secret, or a PEM public key ("\n" may be written as two characters)
  std::string issuer = {};    // empty: not checked
  std::string audience = {};  // empty: not checked
  int64_t leeway_seconds = 60;
};

// Fails when the secret looks like a public key and is none. `clock` outlives the verifier.
StatusOr<std::unique_ptr<TokenVerifier>> MakeJwtVerifier(JwtOptions options,
                                                         const WallClock& clock);

}  // namespace topgun::gateway
