// What one look at an admin port tells about its process. Value.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "metrics/exposition.h"
#include "session.h"

namespace topgun::ctl {

struct Process {
  Target target;
  Status reached;  // all else is empty when not OK

  std::string program;  // "topgun-gateway"
  std::string name;
  std::string version;
  std::string revision;
  double uptime_seconds = 0;
  double clock_ahead_seconds = 0;  // of this machine's, within half of `round_trip_seconds`
  double round_trip_seconds = 0;
  std::map<std::string, std::string> settings;  // that all must agree on
  std::vector<std::string> restart_pending;

  bool ready = false;
  std::string readiness;  // the text of /readyz
  metrics::Samples metrics;
};

// All of them, asked at once.
std::vector<Process> LookAt(const Session& session, const std::vector<Target>& targets);

}  // namespace topgun::ctl
