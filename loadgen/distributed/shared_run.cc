#include "distributed/shared_run.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/build_info.h"
#include "distributed/stats_codec.h"
#include "driver/run_context.h"
#include "options/scenario.h"
#include "options/values.h"

namespace topgun::loadgen {
namespace {

constexpr std::chrono::milliseconds kAgentsPollEvery{20};
constexpr int64_t kTellEveryNs = 1'000'000'000;

// Reading a process's memory map holds it up, so it is left alone unless memory is the question.
std::vector<NamedProcess> ProcessesToSample(const Config& config) {
  const bool idle = FindScenario(config.scenario)->kind == ScenarioKind::kIdle;
  return idle ? config.output.processes : std::vector<NamedProcess>();
}

// In the unit of the scenario; an idle fleet's work is to be there.
uint64_t WorkOf(const RunReport& part) {
  return part.fleet && part.fleet->cycles == 0 ? part.fleet->connections : part.WorkDone();
}

}  // namespace

SharedRun::SharedRun(const NamedConfig& run, const std::vector<std::string>& arguments,
                     const std::vector<std::unique_ptr<AgentLink>>& links, const Patience& patience,
                     const std::atomic<bool>& interrupted, RunObserver* observer)
    : config_(run.config),
      overrides_(run.overrides),
      arguments_(arguments),
      patience_(patience),
      interrupted_(interrupted),
      observer_(observer),
      processes_(run.config.output.processes),
      servers_(run.config.output.metrics_urls),
      memory_(ProcessesToSample(run.config)) {
  for (const auto& link : links) members_.emplace_back().link = link.get();
}

RunReport SharedRun::Execute() {
  RunReport report;
  start_ns_ = told_ns_ = NowNs();
  if (!config_.faults.kill_command.empty()) kills_.emplace(KillOptions(config_));
  memory_.Take(&FleetReport::Memory::before);
  if (PrepareAll(&report) && AwaitConnected(&report)) {
    memory_.Take(&FleetReport::Memory::opened);
    RunAll(&report);
  }
  Conclude(&report);
  report.interrupted = interrupted_;
  if (kills_) report.kill = kills_->Stop();
  Judge(config_, &report);
  JudgeProxy(&report);
  JudgeKill(&report);
  return report;
}

bool SharedRun::PrepareAll(RunReport* report) {
  const auto deadline = std::chrono::steady_clock::now() + config_.target.connect_timeout;
  v1::Prepare prepare;
  for (const std::string& argument : arguments_) prepare.add_arguments(argument);
  for (const std::string& option : overrides_) prepare.add_overrides(option);
  prepare.set_agents(static_cast<uint32_t>(members_.size()));
  prepare.set_revision(std::string(Revision()));
  for (size_t i = 0; i < members_.size(); ++i) {
    prepare.set_index(static_cast<uint32_t>(i));
    const Status status = members_[i].link->Prepare(prepare, deadline, interrupted_);
    if (status.ok()) continue;
    members_[i].failed = true;
    report->unreachable =
        "agent " + members_[i].link->address() + ": " + std::string(Message(status));
    StopAll();
    return false;
  }
  return true;
}

bool SharedRun::AwaitConnected(RunReport* report) {
  while (!interrupted_) {
    if (!TakeNews(report)) {
      report->unreachable = report->lost_agents.front();
      StopAll();
      return false;
    }
    const auto ready = [](const Member& member) { return member.news.connected; };
    if (std::all_of(members_.begin(), members_.end(), ready)) return true;
    // An agent that cannot connect to the target says so in its report.
    for (const Member& member : members_) {
      if (!member.news.finished) continue;
      report->unreachable =
          "agent " + member.link->address() + ": " + member.news.finished->unreachable;
      StopAll();
      return false;
    }
    std::this_thread::sleep_for(kAgentsPollEvery);
  }
  report->unreachable = "interrupted before the start";
  StopAll();
  return false;
}

void SharedRun::RunAll(RunReport* report) {
  for (Member& member : members_) member.link->Start();
  started_ = true;
  while (true) {
    if (interrupted_) StopAll();
    if (!TakeNews(report)) StopAll();
    Meter(report);
    TellProgress(false);
    const auto done = [](const Member& member) { return member.failed || member.news.finished; };
    if (std::all_of(members_.begin(), members_.end(), done)) break;
    std::this_thread::sleep_for(kAgentsPollEvery);
  }
  TellProgress(true);
}

bool SharedRun::TakeNews(RunReport* report) {
  bool all_well = true;
  for (Member& member : members_) {
    AgentLink::News news = member.link->Look();
    for (Interval& interval : news.intervals) {
      member.pending.Merge(interval.stats);
      member.counted.Merge(interval.stats);
      interval.stats = {};
      member.last = std::move(interval);
    }
    news.intervals.clear();
    member.news = std::move(news);
    const Status fate = member.failed ? OkStatus() : FateOf(member);
    if (!fate.ok()) {
      member.failed = true;
      report->lost_agents.push_back("agent " + member.link->address() + ": " +
                                    std::string(Message(fate)));
    }
    all_well &= !member.failed;
  }
  return all_well;
}

Status SharedRun::FateOf(const Member& member) const {
  const AgentLink::News& news = member.news;
  if (news.finished) {
    const bool early = news.finished->interrupted && !stopped_ && !interrupted_;
    return early ? Aborted("ended early, because it was told to on its own machine") : OkStatus();
  }
  if (!news.failure.ok()) return news.failure;
  if (news.connected && !started_) return OkStatus();  // waits for the others
  // Once told to start, an agent connects no more.
  const bool begins = started_ && (member.last.phase.empty() || member.last.phase == "connect");
  const std::chrono::milliseconds limit =
      begins ? patience_.silence : patience_.For(member.last.phase, config_);
  if (std::chrono::steady_clock::now() - news.heard <= limit) return OkStatus();
  return DeadlineExceeded("has given no sign for " + DurationText(limit) +
                          (member.last.phase.empty() ? "" : " in " + member.last.phase));
}

// From the moment the first agent measures until the first one does no more. The agents begin and
// end their measurement together, but for the way of a message.
void SharedRun::Meter(RunReport* report) {
  const auto in_phase = [this](const char* phase) {
    return std::any_of(members_.begin(), members_.end(),
                       [&](const Member& member) { return member.last.phase == phase; });
  };
  if (metering_ == Metering::kBefore && in_phase("measure")) {
    metering_ = Metering::kNow;
    processes_.Start();
    servers_.Start();
    if (kills_) kills_->Begin();
  } else if (metering_ == Metering::kNow && (in_phase("drain") || in_phase("cool-down"))) {
    metering_ = Metering::kAfter;
    if (kills_) kills_->Calm();
    memory_.Take(&FleetReport::Memory::held);
    report->processes = processes_.Stop();
    report->server = servers_.Stop();
  }
}

void SharedRun::TellProgress(bool all) {
  const int64_t now_ns = NowNs();
  if (observer_ == nullptr || (!all && now_ns - told_ns_ < kTellEveryNs)) return;
  Interval interval;
  interval.run_s = static_cast<double>(now_ns - start_ns_) / 1e9;
  interval.seconds = static_cast<double>(now_ns - told_ns_) / 1e9;
  for (Member& member : members_) {
    // All are in the same phase but for moments; the one that lags is told.
    if (interval.phase.empty() || member.last.phase_s < interval.phase_s) {
      interval.phase = member.last.phase;
      interval.phase_s = member.last.phase_s;
      interval.left_s = member.last.left_s;
    }
    interval.unacked_ops += member.last.unacked_ops;
    interval.stats.Merge(member.pending);
    member.pending = {};
  }
  told_ns_ = now_ns;
  if (kills_) interval.kill_runs = kills_->TakeBegun();
  if (!interval.phase.empty()) observer_->OnInterval(interval);
}

void SharedRun::StopAll() {
  if (std::exchange(stopped_, true)) return;
  for (Member& member : members_) {
    if (!member.failed && !member.news.finished) member.link->Stop();
  }
}

void SharedRun::Conclude(RunReport* report) {
  for (const Member& member : members_) {
    if (!member.news.finished) {
      report->whole.Merge(member.counted);
      continue;
    }
    const RunReport& part = *member.news.finished;
    MergeReport(part, report);
    report->agents.push_back({member.link->address(), part.window.ops_acked,
                              part.PerSecond(part.window.ops_acked),
                              part.measured.ack_latency.Percentile(99), part.busiest_thread,
                              part.LateShare(), WorkOf(part)});
  }
  if (report->fleet) report->fleet->memory = memory_.all();
}

}  // namespace topgun::loadgen
