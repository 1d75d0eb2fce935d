// The settings of redis::Topology, the same in every service.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "config/settings.h"
#include "redis/security.h"
#include "redis/topology.h"

namespace topgun::redis {

// Adds --redis, --redis-cluster, --redis-sentinel and --redis-sentinel-password-file.
void AddTopologySettings(config::Settings& settings, const std::string& group, Topology* target);

// Whether they say what the addresses are; and CheckSecurity() of each address.
Status CheckTopology(const Topology& topology, const Security& security,
                     const std::vector<std::string>& allow_plaintext);

}  // namespace topgun::redis
