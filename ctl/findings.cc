#include "findings.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "table.h"

namespace topgun::ctl {
namespace {

using Processes = std::vector<const Process*>;  // that answered

constexpr double kDay = 86'400;
constexpr double kCertificateNotice = 14 * kDay;
constexpr double kCertificateProblem = 3 * kDay;
// Writes with a clock further ahead than this are stamped anew by the sync services.
constexpr double kClockProblem = 5;
constexpr double kClockNotice = 1;
constexpr double kLagProblem = 10;
constexpr double kFileShare = 0.8;
constexpr double kConnectionsNotice = 0.8;
constexpr double kConnectionsProblem = 0.95;

Finding Ok(std::string id, std::string measured) {
  return {Severity::kOk, std::move(id), std::move(measured), {}};
}
Finding Notice(std::string id, std::string measured, std::string next) {
  return {Severity::kNotice, std::move(id), std::move(measured), std::move(next)};
}
Finding Problem(std::string id, std::string measured, std::string next) {
  return {Severity::kProblem, std::move(id), std::move(measured), std::move(next)};
}

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

// A sync service opens every shard once it reaches Redis and the shard's owner.
void JudgeOpenShards(const Processes& processes, std::vector<Finding>& out) {
  size_t open_everywhere = 0;
  size_t services = 0;
  for (const Process* const process : processes) {
    const auto open = process->metrics.Sum("sync_shards_open");
    const auto shards = process->settings.find("shards");
    if (!open || shards == process->settings.end()) continue;
    ++services;
    if (FormatCount(*open) == shards->second) {
      ++open_everywhere;
      continue;
    }
    out.push_back(Problem(
        "open shards",
        process->name + " has " + FormatCount(*open) + " of " + shards->second + " shards open",
        "see in its log whether it reaches Redis and the storage services"));
  }
  if (services > 0 && open_everywhere == services) {
    out.push_back(Ok("open shards", "all, at " + std::to_string(services) + " sync services"));
  }
}

void JudgeShards(const Processes& processes, std::vector<Finding>& out) {
  double owned = 0;
  size_t storages = 0;
  std::set<std::string> shards;
  for (const Process* const process : processes) {
    if (const auto found = process->settings.find("shards"); found != process->settings.end()) {
      shards.insert(found->second);
    }
    if (process->program != "topgun-storage") continue;
    ++storages;
    owned += process->metrics.Sum("storage_owned_shards").value_or(0);
  }
  if (storages == 0 || shards.size() != 1) return;
  const std::string measured = FormatCount(owned) + " of " + *shards.begin() +
                               " shards are owned by " + std::to_string(storages) +
                               " storage processes";
  if (FormatCount(owned) == *shards.begin()) {
    out.push_back(Ok("shards", measured));
  } else {
    out.push_back(Problem("shards", measured,
                          "ask again in a few seconds (a move takes as long as --lease-ms); if it "
                          "stays, look at the storage services' logs, or name all of them"));
  }
}

void JudgeLag(const Processes& processes, std::vector<Finding>& out) {
  double worst = 0;
  for (const Process* const process : processes) {
    const auto lag = process->metrics.Max("storage_flush_lag_seconds");
    if (!lag) continue;
    worst = std::max(worst, *lag);
    if (*lag < kLagProblem) continue;
    out.push_back(Problem("lag",
                          process->name + " is " + FormatSeconds(*lag) + " behind (limit " +
                              FormatSeconds(kLagProblem) + ")",
                          "see whether Postgres keeps up: ./topgun profile doctor, its log"));
  }
  if (worst < kLagProblem)
    out.push_back(Ok("lag", "persistence is at most " + FormatSeconds(worst) + " behind"));
}

void JudgeCertificates(const Processes& processes, double now, std::vector<Finding>& out) {
  double soonest = 0;
  for (const Process* const process : processes) {
    const auto expires = process->metrics.Min("tls_certificate_expiry_timestamp_seconds");
    if (!expires || *expires <= 0) continue;
    soonest = soonest == 0 ? *expires : std::min(soonest, *expires);
    const double left = *expires - now;
    if (left >= kCertificateNotice) continue;
    const std::string measured =
        process->name + (left <= 0 ? "'s certificate has expired"
                                   : "'s certificate expires in " + FormatSeconds(left));
    const std::string next = "renew it; the process takes the new file without a restart";
    out.push_back(left < kCertificateProblem ? Problem("certificates", measured, next)
                                             : Notice("certificates", measured, next));
  }
  if (soonest == 0) {
    out.push_back(Ok("certificates", "none is in use"));
  } else if (soonest - now >= kCertificateNotice) {
    out.push_back(Ok("certificates", "the first expires in " + FormatSeconds(soonest - now)));
  }
}

void JudgeConnections(const Processes& processes, std::vector<Finding>& out) {
  double worst = 0;
  for (const Process* const process : processes) {
    const double open = process->metrics.Sum("gateway_connections").value_or(0);
    const double most = process->metrics.Sum("gateway_connections_max").value_or(0);
    if (most <= 0) continue;
    worst = std::max(worst, open / most);
    if (open / most < kConnectionsNotice) continue;
    const std::string measured = process->name + " has " + FormatCount(open) + " of " +
                                 FormatCount(most) + " connections open";
    const std::string next = "add gateways, or raise --connections-max (a reload suffices)";
    out.push_back(open / most < kConnectionsProblem ? Notice("connections", measured, next)
                                                    : Problem("connections", measured, next));
  }
  if (worst < kConnectionsNotice) {
    out.push_back(
        Ok("connections", "at most " + FormatCount(worst * 100) + " % of a limit are open"));
  }
}

void JudgeFiles(const Processes& processes, std::vector<Finding>& out) {
  double worst = 0;
  for (const Process* const process : processes) {
    const double open = process->metrics.Sum("process_open_fds").value_or(0);
    const double most = process->metrics.Sum("process_max_fds").value_or(0);
    if (most <= 0) continue;
    worst = std::max(worst, open / most);
    if (open / most < kFileShare) continue;
    out.push_back(Problem("files",
                          process->name + " has " + FormatCount(open) + " of " + FormatCount(most) +
                              " file descriptors open",
                          "raise its limit (LimitNOFILE, ulimit -n), or add replicas"));
  }
  if (worst < kFileShare) {
    out.push_back(Ok("files", "at most " + FormatCount(worst * 100) + " % of a limit are open"));
  }
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
