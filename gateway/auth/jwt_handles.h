// What libjwt gives out, freed the way it wants. Private to this folder.
#pragma once

#include <jwt.h>

#include <cstdlib>

namespace topgun::gateway {

struct JwtFree {
  void operator()(jwt_t* token) const { jwt_free(token); }
};
struct MallocFree {
  void operator()(char* text) const { std::free(text); }
};

}  // namespace topgun::gateway
