// Waiting for a condition with a deadline, instead of sleeping. Tests only; any thread.
#pragma once

#include <chrono>
#include <functional>

namespace topgun::support {

inline constexpr std::chrono::milliseconds kPatience{20'000};

// Asks every few milliseconds until `condition` holds; false when `patience` ran out.
bool WaitUntil(const std::function<bool()>& condition,
               std::chrono::milliseconds patience = kPatience);

}  // namespace topgun::support
