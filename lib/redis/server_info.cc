#include "server_info.h"

namespace topgun::redis {
namespace {

// Value of the line "name:value\r\n"; empty when there is none.
std::string_view Field(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const size_t end = info.find("\r\n");
    const std::string_view line = info.substr(0, end);
    if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
      return line.substr(name.size() + 1);
    }
    if (end == std::string_view::npos) break;
    info.remove_prefix(end + 2);
  }
  return {};
}

}  // namespace

StatusOr<std::string> RunOfServer(std::string_view info) {
  if (Field(info, "loading") != "0") return Unavailable("the server is loading its data");
  if (Field(info, "role") != "master") return Unavailable("the server is a replica");
  const std::string_view run_id = Field(info, "run_id");
  const std::string_view replication_id = Field(info, "master_replid");
  if (run_id.empty() || replication_id.empty()) return Unavailable("INFO names no run");
  return std::string(run_id).append("/").append(replication_id);
}

}  // namespace topgun::redis
