#include "driver/file_limit.h"

#include <sys/resource.h>

namespace topgun::loadgen {

Status RaiseFileLimit(const Config& config) {
  constexpr rlim_t kOwnFiles = 64;
  // The fault proxy has both ends of its own for each of them.
  const rlim_t files_each = config.faults.proxy.any() ? 3 : 1;
  const rlim_t needed =
      files_each * (rlim_t{config.load.connections} + config.clients.subscribers) + kOwnFiles;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return OkStatus();
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= needed) return OkStatus();
  return InvalidArgument("--connections " + std::to_string(config.load.connections) + " needs " +
                         std::to_string(needed) + " open files, but the limit is " +
                         std::to_string(limit.rlim_max) +
                         ": raise it (ulimit -Hn as root, or LimitNOFILE) or use fewer");
}

}  // namespace topgun::loadgen
