// What --http-sync goes with: POST /sync (core.md 9.1) writes, and knows neither levels nor
// subscriptions.
#pragma once

#include "base/status.h"
#include "config.h"

namespace topgun::loadgen {

// An error names the option that has no meaning over HTTP. Narrows the window to one request.
Status FinishHttpSync(Config& config);

}  // namespace topgun::loadgen
