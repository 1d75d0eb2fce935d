// The file behind --config: one `name = value` per line, `#` begins a line of comment. Private to
// this library.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace topgun::config {

struct FileEntry {
  std::string name;  // of the flag, without its dashes
  std::string value;
  std::string where;  // "gateway.conf:12", for messages
};

inline constexpr size_t kConfigFileBytesMax = size_t{1} << 20;

// The entries in their order; what is wrong with a line goes to `errors`, one text each.
std::vector<FileEntry> ParseConfigFile(std::string_view path, std::string_view content,
                                       std::vector<std::string>& errors);

}  // namespace topgun::config
