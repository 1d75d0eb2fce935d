#include "base/secret_file.h"

#include <cstdio>
#include <memory>
#include <utility>

namespace topgun {
namespace {

constexpr size_t kSecretBytesMax = size_t{64} * 1024;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

}  // namespace

StatusOr<std::string> ReadSmallFile(const std::string& path, size_t bytes_max) {
  const std::unique_ptr<std::FILE, FileCloser> file(std::fopen(path.c_str(), "rb"));
  if (!file) return InvalidArgument("cannot open the file " + path);
  std::string content(bytes_max + 1, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file.get()));
  if (std::ferror(file.get()) != 0) return InvalidArgument("cannot read the file " + path);
  if (content.size() > bytes_max) return InvalidArgument("the file is too large: " + path);
  return content;
}

StatusOr<std::string> ReadSecretFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::string content, ReadSmallFile(path, kSecretBytesMax));
  if (content.ends_with('\n')) content.pop_back();
  return content;
}

std::string CurrentSecret(const std::string& value, const std::string& file) {
  if (file.empty()) return value;
  StatusOr<std::string> content = ReadSecretFile(file);
  return content.ok() ? *std::move(content) : value;
}

}  // namespace topgun
