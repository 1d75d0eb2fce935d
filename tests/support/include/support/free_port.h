// A TCP port of this machine for a server that cannot choose one itself. Tests only; any thread.
#pragma once

#include <cstdint>

namespace topgun::support {

// Nobody listens on it at this moment.
uint16_t FreePort();

}  // namespace topgun::support
