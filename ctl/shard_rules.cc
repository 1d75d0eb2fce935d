#include "finding_rules.h"

#include <algorithm>
#include <set>
#include <string>

#include "table.h"

namespace topgun::ctl {
namespace {

constexpr double kLagProblem = 10;  // seconds

}  // namespace

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

}  // namespace topgun::ctl
