// The limit of connections as a metric, so that alerts can tell how near it is. Called at the start
// and whenever the limit changes; any thread.
#pragma once

#include <cstdint>

#include "metrics/registry.h"

namespace topgun::gateway {

void ShowConnectionsMax(metrics::Registry& registry, uint64_t connections_max);

}  // namespace topgun::gateway
