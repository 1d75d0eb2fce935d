// What the kernel knows about this process, as metric families. Private to this library.
#pragma once

#include <prometheus/metric_family.h>

#include <string>
#include <vector>

namespace topgun::metrics {

// process_* and topgun_build_info, read now. A number that cannot be read is left out. Any thread.
std::vector<prometheus::MetricFamily> CollectProcess(const std::string& service);

}  // namespace topgun::metrics
