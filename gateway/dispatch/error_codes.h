// Codes of ERROR frames. Private to this folder.
#pragma once

#include <cstdint>

namespace topgun::gateway {

inline constexpr int64_t kForbidden = 403;
inline constexpr int64_t kUnavailable = 503;  // not now, try again

}  // namespace topgun::gateway
