// What a new connection must know about its server, from the reply to INFO. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace topgun::redis {

// "<run_id>/<master_replid>" (docs/state-layout.md, run). UNAVAILABLE while the server loads its
// data or is a replica: state read from it would be incomplete or unwritable.
StatusOr<std::string> RunOfServer(std::string_view info);

}  // namespace topgun::redis
