// The sections of the JSON that say what was measured, for the whole run and for each part of a
// campaign. Latencies are in microseconds. Pure.
#pragma once

#include <optional>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "report/run_report.h"

namespace topgun::loadgen {

boost::json::object LatencyJson(const Histogram& histogram);
boost::json::object ThroughputJson(const RunReport& report);
boost::json::object LatenciesJson(const RunReport& report);
boost::json::object ScheduleJson(const Config& config, const RunReport& report);
// Errors, closed connections, what was not answered.
boost::json::object TroubleJson(const RunReport& report);
// Acknowledged ops by the level they reached.
boost::json::object LevelsJson(const RunStats& stats);
boost::json::object CpuJson(const RunReport& report);
// Null when nothing was verified.
boost::json::value VerifyJson(const std::optional<VerifyReport>& verify);
boost::json::array AgentsJson(const RunReport& report);

}  // namespace topgun::loadgen
