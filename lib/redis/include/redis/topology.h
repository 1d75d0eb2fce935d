// Where Redis is: one server, the primary that Sentinels name, or a Redis Cluster. A value.
#pragma once

#include <string>
#include <vector>

namespace topgun::redis {

struct Topology {
  // unix:/path or host:port. One server; or some nodes of a cluster; or Sentinels.
  std::vector<std::string> addresses = {};
  bool cluster = false;
  std::string sentinel = {};  // what Sentinels call the primary; not empty: `addresses` are theirs
  // Sentinels have a login of their own: none when empty.
  std::string sentinel_password = {};

  // One server that is there or not; nobody has to be asked.
  bool fixed() const { return !cluster && sentinel.empty(); }
};

}  // namespace topgun::redis
