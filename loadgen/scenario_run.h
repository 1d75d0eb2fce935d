// One run of whatever scenario by this process alone: chooses the driver, puts the fault proxy in
// front of it, and runs --kill-cmd beside it. Runs on the calling thread until the run is over.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "config.h"
#include "report/run_report.h"
#include "stats/interval.h"

namespace topgun::loadgen {

// `observer` may be null. `on_begin` is told the id of the run before it begins. The report has its
// verdict. A fault proxy that cannot be opened is a run that did not take place.
RunReport RunScenario(const Config& config, const std::atomic<bool>& interrupted,
                      RunObserver* observer, const std::function<void(uint32_t)>& on_begin);

}  // namespace topgun::loadgen
