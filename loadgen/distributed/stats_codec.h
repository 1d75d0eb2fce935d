// Statistics and reports as they travel between an agent and its coordinator. Pure.
#pragma once

#include "report/run_report.h"
#include "stats/interval.h"
#include "topgun/loadgen/v1/loadgen.pb.h"

namespace topgun::loadgen {

v1::Stats ToProto(const RunStats& stats);
RunStats FromProto(const v1::Stats& stats);

v1::Interval ToProto(const Interval& interval);
Interval FromProto(const v1::Interval& interval);

v1::Finished ToProto(const RunReport& report);
// What Judge() needs; its verdict is not part of the message.
RunReport FromProto(const v1::Finished& finished);

// Adds the report of another agent that ran at the same time.
void MergeReport(const RunReport& other, RunReport* report);

}  // namespace topgun::loadgen
