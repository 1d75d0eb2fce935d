// A principal as conditions see it.
#pragma once

#include "auth/token_verifier.h"
#include "query/condition.h"

namespace topgun::gateway {

inline query::Caller CallerOf(const Principal& principal) {
  return {.user_id = principal.user_id, .roles = &principal.roles};
}

}  // namespace topgun::gateway
