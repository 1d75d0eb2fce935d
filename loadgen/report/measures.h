// Named figures of a run, for --threshold: "ack.p99", "rate", "errors", "cpu.gateway-0".
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "report/run_report.h"

namespace topgun::loadgen {

enum class MeasureUnit : uint8_t {
  kTime,  // microseconds
  kCpu,   // microseconds of CPU per acknowledged op
  kRate,  // per second
  kCount,
  kShare,  // 0..1
};

struct Measure {
  MeasureUnit unit = MeasureUnit::kCount;
  std::optional<double> value;  // nothing: not measured in this run
};

// Nothing when there is no figure of this name, whatever the run. `cpu.NAME` exists for every name.
std::optional<MeasureUnit> UnitOfMeasure(std::string_view name);
// `name` must exist.
std::optional<double> ValueOfMeasure(const RunReport& report, std::string_view name);
// All names, for an error message.
std::string MeasureNames();

// "12.3 ms", "150 000", "0.10 %".
std::string RenderMeasure(MeasureUnit unit, double value);

}  // namespace topgun::loadgen
