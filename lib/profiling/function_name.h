// Names of C++ functions as people read them.
#pragma once

#include <string>

namespace topgun::profiling {

// Demangles and leaves out parameters and template arguments:
// _ZN6topgun7gateway4Loop4TickEv -> topgun::gateway::Loop::Tick. Any other name stays as it is.
std::string FunctionName(const std::string& system_name);

// The part that shortens what is demangled already.
std::string ShortenName(const std::string& demangled);

}  // namespace topgun::profiling
