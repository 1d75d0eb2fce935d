// Profiles in the format of pprof: gzip'ed protobuf of its public schema profile.proto, with the
// names of functions and lines, so that readers (`go tool pprof`, Pyroscope, ./topgun profile) need
// no program file. The schema is small and fixed; it is written by hand.
#pragma once

#include <string>

#include "profiling/profile.h"
#include "profiling/symbolizer.h"

namespace topgun::profiling {

// Not compressed. Resolves each address once.
std::string EncodePprof(const Profile& profile, Symbolizer& symbolizer);

std::string Gzip(const std::string& text);

}  // namespace topgun::profiling
