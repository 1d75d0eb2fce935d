// Turns the token of an AUTH frame into a principal. The dispatch layer knows nothing else of
// tokens. Implementations may be called from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::gateway {

struct Principal {
  std::string user_id;
  std::vector<std::string> roles;
};

class TokenVerifier {
 public:
  virtual ~TokenVerifier() = default;

  // The message of an error is for logs; clients only see it when the operator says so.
  virtual StatusOr<Principal> Verify(std::string_view token) const = 0;
};

}  // namespace topgun::gateway
