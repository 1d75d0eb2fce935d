#include "redis/topology_settings.h"

#include "redis/security_settings.h"

namespace topgun::redis {

void AddTopologySettings(config::Settings& settings, const std::string& group, Topology* target) {
  settings.Add("redis", &target->addresses,
               "Redis: host:port or unix:/path; some nodes of a Redis Cluster, or all Sentinels: "
               "host:port,...",
               {.group = group, .min = 1});
  settings.Add("redis-cluster", &target->cluster,
               "The addresses of Redis are nodes of a Redis Cluster", {.group = group});
  settings.Add("redis-sentinel", &target->sentinel,
               "The addresses of Redis are Sentinels, and this is what they call the primary",
               {.group = group});
  settings.AddSecret("redis-sentinel-password", &target->sentinel_password,
                     "Password of the Sentinels", {.group = group});
}

Status CheckTopology(const Topology& topology, const Security& security,
                     const std::vector<std::string>& allow_plaintext) {
  if (topology.addresses.empty()) return InvalidArgument("redis: no address");
  if (topology.cluster && !topology.sentinel.empty()) {
    return InvalidArgument(
        "redis-cluster and redis-sentinel exclude each other: a Redis Cluster chooses its "
        "primaries itself");
  }
  if (topology.fixed() && topology.addresses.size() > 1) {
    return InvalidArgument(
        "redis: several addresses are nodes of a Redis Cluster (--redis-cluster) or Sentinels "
        "(--redis-sentinel NAME); say which");
  }
  for (const std::string& address : topology.addresses) {
    if (topology.cluster && address.starts_with("unix:")) {
      return InvalidArgument("redis: nodes of a Redis Cluster are named by host:port, not '" +
                             address + "'");
    }
    RETURN_IF_ERROR(CheckSecurity(security, address, allow_plaintext));
  }
  return OkStatus();
}

}  // namespace topgun::redis
