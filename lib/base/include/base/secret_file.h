// Small files that are read whole: settings, and secrets, which can be replaced while we run. Any
// thread.
#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"

namespace topgun {

// The bytes of a file that has at most so many. INVALID_ARGUMENT names the file.
StatusOr<std::string> ReadSmallFile(const std::string& path, size_t bytes_max);

// The content without one trailing newline, which editors add and secrets do not have. At most
// 64 KiB. INVALID_ARGUMENT names the file.
StatusOr<std::string> ReadSecretFile(const std::string& path);

// For each use of a secret that may be rotated: what `file` holds now. `value`, as read at the
// start, when there is no file or it cannot be read at this moment.
std::string CurrentSecret(const std::string& value, const std::string& file);

}  // namespace topgun
