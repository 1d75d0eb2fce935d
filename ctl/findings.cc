#include "findings.h"

#include <algorithm>
#include <array>
#include <utility>

#include "finding_rules.h"

namespace topgun::ctl {
namespace {

void JudgeReachability(const std::vector<Process>& all, std::vector<Finding>& out) {
  size_t answered = 0;
  for (const Process& process : all) {
    if (process.reached.ok()) {
      ++answered;
      continue;
    }
    out.push_back(
        Problem("reachable", process.target.name + ": " + std::string(Message(process.reached)),
                "see whether it runs, and whether this machine may reach its admin port"));
  }
  const std::string measured =
      std::to_string(answered) + " of " + std::to_string(all.size()) + " admin ports answer";
  if (answered == all.size()) out.push_back(Ok("reachable", measured));
}

void JudgeReadiness(const Processes& processes, std::vector<Finding>& out) {
  size_t ready = 0;
  for (const Process* const process : processes) {
    const bool degraded = process->readiness.find("degraded") != std::string::npos;
    if (process->ready && !degraded) {
      ++ready;
      continue;
    }
    const std::string measured = process->name + ": " + process->readiness;
    const std::string next =
        "look at what it waits for (sync services, Redis, Postgres) and at its log";
    out.push_back(Problem("ready", measured, next));
  }
  if (ready == processes.size()) {
    out.push_back(Ok("ready", std::to_string(ready) + " processes are ready, none is degraded"));
  }
}

void JudgeRoles(const Processes& processes, std::vector<Finding>& out) {
  constexpr std::array<const char*, 3> kPrograms = {"topgun-gateway", "topgun-sync",
                                                    "topgun-storage"};
  std::string seen;
  for (const char* const program : kPrograms) {
    const auto count = std::count_if(processes.begin(), processes.end(),
                                     [&](const Process* one) { return one->program == program; });
    if (count == 0) {
      out.push_back(Notice("roles", std::string("no ") + program + " was asked",
                           "name its admin ports with --admin too, unless the cluster has none"));
    }
    seen += (seen.empty() ? "" : ", ") + std::to_string(count) + " " + program;
  }
  out.push_back(Ok("roles", seen));
}

}  // namespace

std::vector<Finding> Judge(const std::vector<Process>& all, double now_seconds) {
  Processes processes;
  for (const Process& process : all) {
    if (process.reached.ok()) processes.push_back(&process);
  }
  std::vector<Finding> findings;
  JudgeReachability(all, findings);
  JudgeReadiness(processes, findings);
  JudgeRoles(processes, findings);
  JudgeVersions(processes, findings);
  JudgeSettings(processes, findings);
  JudgeClocks(processes, findings);
  JudgeOpenShards(processes, findings);
  JudgeShards(processes, findings);
  JudgeLag(processes, findings);
  JudgeCertificates(processes, now_seconds, findings);
  JudgeConnections(processes, findings);
  JudgeFiles(processes, findings);
  WorstFirst(findings);
  return findings;
}

void WorstFirst(std::vector<Finding>& findings) {
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
}

}  // namespace topgun::ctl
