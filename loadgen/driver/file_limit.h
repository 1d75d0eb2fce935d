// Every connection is a file; the soft limit is often much lower than what is allowed.
#pragma once

#include "base/status.h"
#include "config.h"

namespace topgun::loadgen {

// Raises the soft limit of open files of this process to the hard one. An error when that is too
// low for the connections of this run.
Status RaiseFileLimit(const Config& config);

}  // namespace topgun::loadgen
