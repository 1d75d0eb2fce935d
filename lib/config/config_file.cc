#include "config_file.h"

#include <algorithm>

#include "values.h"

namespace topgun::config {

std::vector<FileEntry> ParseConfigFile(std::string_view path, std::string_view content,
                                       std::vector<std::string>& errors) {
  std::vector<FileEntry> entries;
  for (size_t number = 1; !content.empty(); ++number) {
    const size_t end = std::min(content.find('\n'), content.size());
    std::string_view line = content.substr(0, end);
    content.remove_prefix(std::min(end + 1, content.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = Trim(line);
    if (line.empty() || line.front() == '#') continue;
    const std::string where = std::string(path) + ":" + std::to_string(number);
    const size_t equals = line.find('=');
    const std::string_view name = Trim(line.substr(0, equals));
    if (equals == std::string_view::npos || name.empty()) {
      errors.push_back(where + ": expected name = value");
      continue;
    }
    entries.push_back({std::string(name), std::string(Trim(line.substr(equals + 1))), where});
  }
  return entries;
}

}  // namespace topgun::config
