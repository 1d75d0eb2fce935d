// The verdict of a run as a JUnit XML file, which CI servers show: a test case for the run, for its
// verification, for the generator, for every threshold and every compared figure. Pure.
#pragma once

#include <string>
#include <string_view>

#include "report/run_report.h"

namespace topgun::loadgen {

std::string RenderJunit(const RunReport& report);

// Text for XML and HTML: markup is escaped, characters that XML 1.0 forbids become '?'.
std::string EscapeMarkup(std::string_view text);

}  // namespace topgun::loadgen
