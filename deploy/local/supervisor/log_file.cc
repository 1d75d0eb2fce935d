#include "supervisor/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace topgun::supervisor {

StatusOr<int> OpenLog(const std::string& path) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return Unavailable("cannot open " + path + ": " + std::strerror(errno));
  return fd;
}

void RotateLog(const std::string& path, int64_t bytes_max) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0 || info.st_size <= bytes_max) return;
  std::error_code error;
  std::filesystem::copy_file(path, path + ".1", std::filesystem::copy_options::overwrite_existing,
                             error);
  // Truncated even when the copy failed: a disk that is full needs the space.
  std::filesystem::resize_file(path, 0, error);
}

}  // namespace topgun::supervisor
