// What the summary and the JSON say about --kill-cmd. Pure.
#pragma once

#include <boost/json/object.hpp>

#include "driver/kill_report.h"
#include "report/tables.h"

namespace topgun::loadgen {

Table KillTable(const KillReport& kill);
// `executions` in the order in which they ended; times in seconds since the start of the run.
boost::json::object KillJson(const KillReport& kill);

}  // namespace topgun::loadgen
