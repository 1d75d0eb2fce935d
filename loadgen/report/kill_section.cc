#include "report/kill_section.h"

#include <boost/json/array.hpp>

#include "report/text.h"

namespace topgun::loadgen {

Table KillTable(const KillReport& kill) {
  Table table{"Kill command", {}, {}, true};
  table.rows = {{"runs, failed", Grouped(kill.runs) + ", " + Grouped(kill.failed)},
                {"skipped, one was running", Grouped(kill.skipped)}};
  if (kill.cut_short > 0) table.rows.push_back({"killed at the end", Grouped(kill.cut_short)});
  if (!kill.last_failure.empty()) table.rows.push_back({"last failure", kill.last_failure});
  return table;
}

boost::json::object KillJson(const KillReport& kill) {
  boost::json::array executions;
  for (const KillReport::Execution& each : kill.executions) {
    executions.push_back(boost::json::object{
        {"at_s", each.at_s}, {"seconds", each.seconds}, {"failure", each.failure}});
  }
  return {{"runs", kill.runs},
          {"failed", kill.failed},
          {"skipped", kill.skipped},
          {"cut_short", kill.cut_short},
          {"last_failure", kill.last_failure},
          {"executions", std::move(executions)}};
}

}  // namespace topgun::loadgen
