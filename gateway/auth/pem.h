// How a key in PEM begins; anything else is a shared secret. Private to this folder.
#pragma once

#include <string_view>

namespace topgun::gateway {

inline constexpr std::string_view kPemStart = "-----BEGIN";

}  // namespace topgun::gateway
