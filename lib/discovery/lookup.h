// Names to addresses, by the system's resolver. Private to this library.
#pragma once

#include <string>

#include "base/status.h"
#include "discovery/address.h"

namespace topgun::discovery {

// Every A and AAAA record of the name, as the machine's files and name servers have them. Blocks.
StatusOr<Addresses> LookUp(const std::string& host, const std::string& port);

// For the calling thread: name servers that do not answer are given up sooner than the five seconds
// that are customary, because somebody waits for the end of this thread.
void LimitLookups();

}  // namespace topgun::discovery
