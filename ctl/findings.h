// Judges a cluster by one look at all of its admin ports (rpc_report.h: at its gRPC servers). What
// its load says about it is for ./topgun profile doctor and the alerts; this is about whether it is
// put together rightly. Pure.
#pragma once

#include <string>
#include <vector>

#include "process.h"

namespace topgun::ctl {

enum class Severity { kOk, kNotice, kProblem };

struct Finding {
  Severity severity = Severity::kOk;
  std::string id;        // "versions"
  std::string measured;  // with numbers
  std::string next;      // what to do; empty when all is well
};

// One finding per rule at least. `now` is the wall clock in seconds.
std::vector<Finding> Judge(const std::vector<Process>& processes, double now_seconds);

// Those of one severity stay in their order.
void WorstFirst(std::vector<Finding>& findings);

}  // namespace topgun::ctl
