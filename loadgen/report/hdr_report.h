// The percentile distribution of a histogram in the text format of HdrHistogram (.hgrm), which its
// plotters read. Values in milliseconds. Pure.
#pragma once

#include <string>

#include "stats/histogram.h"

namespace topgun::loadgen {

std::string RenderHgrm(const Histogram& histogram);

}  // namespace topgun::loadgen
