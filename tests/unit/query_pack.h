// JSON texts as MessagePack, for the tests of lib/query.
#pragma once

#include <string>
#include <string_view>

#include "support/vectors.h"

namespace topgun::query {

inline std::string Pack(std::string_view json) {
  return support::ToMsgpack(support::ParseJson(json));
}

}  // namespace topgun::query
