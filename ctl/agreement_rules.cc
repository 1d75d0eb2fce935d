#include "finding_rules.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "table.h"

namespace topgun::ctl {
namespace {

// Writes with a clock further ahead than this are stamped anew by the sync services.
constexpr double kClockProblem = 5;
constexpr double kClockNotice = 1;

// "1.0 (gateway-1, sync-1), 1.1 (sync-2)"
std::string GroupText(const std::map<std::string, std::vector<std::string>>& groups) {
  std::string text;
  for (const auto& [value, names] : groups) {
    std::string members;
    for (const std::string& name : names) members += (members.empty() ? "" : ", ") + name;
    text += (text.empty() ? "" : ", ") + (value.empty() ? "none" : value) + " (" + members + ")";
  }
  return text;
}

}  // namespace

void JudgeVersions(const Processes& processes, std::vector<Finding>& out) {
  std::map<std::string, std::vector<std::string>> versions;
  for (const Process* const process : processes) {
    versions[process->version + " " + process->revision].push_back(process->name);
  }
  if (versions.size() <= 1) {
    out.push_back(Ok("versions", versions.empty() ? "none" : "all run " + versions.begin()->first));
    return;
  }
  out.push_back(Problem("versions", GroupText(versions),
                        "finish the rollout, or take it back: processes of two versions should "
                        "meet only for as long as that takes"));
}

void JudgeSettings(const Processes& processes, std::vector<Finding>& out) {
  std::map<std::string, std::map<std::string, std::vector<std::string>>> settings;
  for (const Process* const process : processes) {
    for (const auto& [name, value] : process->settings) {
      settings[name][value].push_back(process->name);
    }
  }
  size_t equal = 0;
  for (const auto& [name, values] : settings) {
    if (values.size() == 1) {
      ++equal;
      continue;
    }
    out.push_back(Problem("settings", name + " differs: " + GroupText(values),
                          "give all processes the same --" + name +
                              " and restart those that had "
                              "another"));
  }
  if (equal == settings.size()) {
    out.push_back(Ok("settings", std::to_string(equal) + " that must agree do"));
  }
  for (const Process* const process : processes) {
    if (process->restart_pending.empty()) continue;
    std::string names;
    for (const std::string& name : process->restart_pending) names += " " + name;
    out.push_back(Notice("restart", process->name + " has new values that wait:" + names,
                         "restart it to make them effective"));
  }
}

// Against the median process, so that this machine's clock does not matter.
void JudgeClocks(const Processes& processes, std::vector<Finding>& out) {
  if (processes.empty()) return;
  std::vector<double> ahead;
  for (const Process* const process : processes) ahead.push_back(process->clock_ahead_seconds);
  std::nth_element(ahead.begin(), ahead.begin() + static_cast<std::ptrdiff_t>(ahead.size() / 2),
                   ahead.end());
  const double median = ahead[ahead.size() / 2];
  double worst = 0;
  for (const Process* const process : processes) {
    const double skew = process->clock_ahead_seconds - median;
    // What the round trip leaves open may be all of it.
    const double certain =
        std::max(0.0, (skew < 0 ? -skew : skew) - process->round_trip_seconds / 2);
    worst = std::max(worst, certain);
    if (certain < kClockNotice) continue;
    const std::string measured = process->name + "'s clock is " + FormatSeconds(certain) +
                                 (skew < 0 ? " behind" : " ahead") + " (limit " +
                                 FormatSeconds(kClockProblem) + ")";
    const std::string next = "let its machine follow a time server (chrony, systemd-timesyncd)";
    out.push_back(certain < kClockProblem ? Notice("clocks", measured, next)
                                          : Problem("clocks", measured, next));
  }
  if (worst < kClockNotice) {
    out.push_back(Ok("clocks", "within " + FormatSeconds(worst) + " of each other"));
  }
}

}  // namespace topgun::ctl
