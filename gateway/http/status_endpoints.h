// The endpoints that tell how the server is (core.md 9.2): /health, /health/live, /health/ready,
// /healthz, /metrics, /api/status; and 426 for plain requests where WebSockets are.
#pragma once

#include "http/router.h"
#include "http/server_report.h"
#include "metrics/registry.h"

namespace topgun::gateway {

// `registry` outlives the router.
void MountStatusEndpoints(Router& router, ServerReporter report, const metrics::Registry& registry);

}  // namespace topgun::gateway
