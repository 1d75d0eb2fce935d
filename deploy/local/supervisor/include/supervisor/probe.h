// Asks a process whether it is ready: HTTP 200 from /readyz, PONG from Redis, or an
// authentication request (not "starting up") from Postgres.
//
// Each call opens one connection and waits at most kProbeTimeout, so the supervisor's single thread
// may make it. Every failure means "not ready"; there is nothing to report.
#pragma once

#include <chrono>

#include "supervisor/spec.h"

namespace topgun::supervisor {

constexpr std::chrono::milliseconds kProbeTimeout{250};

bool IsReady(const Probe& probe);

}  // namespace topgun::supervisor
