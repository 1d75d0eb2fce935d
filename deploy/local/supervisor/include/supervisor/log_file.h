// Log files of the supervised processes. A process writes to its file itself, in append mode, so
// its log survives the supervisor. Rotation copies a file that has grown large to NAME.log.1 and
// truncates it: a line written between the two is lost, and nothing has to be told to reopen.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace topgun::supervisor {

constexpr int64_t kLogBytesMax = int64_t{16} * 1024 * 1024;

// A descriptor in append mode that is closed on exec; the caller owns it.
StatusOr<int> OpenLog(const std::string& path);

// Does nothing while the file holds at most `bytes_max`.
void RotateLog(const std::string& path, int64_t bytes_max = kLogBytesMax);

}  // namespace topgun::supervisor
