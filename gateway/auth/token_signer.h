// Signs JSON Web Tokens that the gateways' verifier accepts (HS256). Any thread.
#pragma once

#include <string>

#include "base/status.h"

namespace topgun::gateway {

// `claims` is a JSON object. FAILED_PRECONDITION when the secret is empty or a public key, which
// cannot sign.
StatusOr<std::string> SignToken(const std::string& secret, const std::string& claims);

}  // namespace topgun::gateway
