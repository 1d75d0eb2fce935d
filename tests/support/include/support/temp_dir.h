// A directory of its own for a test, removed with everything in it. Tests only.
#pragma once

#include <string>

namespace topgun::support {

class TempDir {
 public:
  // Under /tmp whatever TMPDIR says: paths of unix sockets must stay short.
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace topgun::support
