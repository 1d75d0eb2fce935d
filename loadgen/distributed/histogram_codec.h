// Histograms as they travel: filled buckets only, so that they add up without loss. Pure. Private
// to this folder.
#pragma once

#include "stats/histogram.h"
#include "topgun/loadgen/v1/loadgen.pb.h"

namespace topgun::loadgen {

v1::Histogram ToProto(const Histogram& histogram);
Histogram::Sparse FromProto(const v1::Histogram& proto);

}  // namespace topgun::loadgen
