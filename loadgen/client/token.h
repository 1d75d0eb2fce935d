// Mints the tokens of simulated users (core.md 2.4): HS256 over {sub, roles, iat, exp}.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun::loadgen {

struct TokenClaims {
  std::string subject;         // characters that JSON need not escape
  int64_t issued_at_s = 0;     // Unix time
  int64_t lifetime_s = 86400;  // longer than any run
};

std::string MintToken(const TokenClaims& claims, std::string_view secret);

}  // namespace topgun::loadgen
