// The options of every verb: whom to ask, as whom, over what.
#pragma once

#include <CLI/App.hpp>

#include "session.h"

namespace topgun::ctl {

// `options` lives as long as the parser.
void AddTargetOptions(CLI::App& app, SessionOptions& options);

}  // namespace topgun::ctl
