// Codes of ERROR frames, and texts.
#pragma once

#include <cstdint>
#include <string_view>

namespace topgun::gateway {

inline constexpr int64_t kBadRequest = 400;
inline constexpr int64_t kForbidden = 403;
inline constexpr int64_t kConflict = 409;
inline constexpr int64_t kTooLarge = 413;
inline constexpr int64_t kTooManyRequests = 429;
inline constexpr int64_t kUnavailable = 503;  // not now, try again

// Of ops that the cluster refused for good: what could contradict them was forgotten (core.md 7.8).
inline constexpr std::string_view kRejectedText = "operation rejected: older than what is kept";

}  // namespace topgun::gateway
