#include "fleet/idle_fleet.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "driver/await_start.h"
#include "fleet/elapsed.h"
#include "report/text.h"
#include "stats/process_cpu.h"

namespace topgun::loadgen {
namespace {

using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kFleetTurn{5};

}  // namespace

// A connection that does nothing but live.
class IdleFleet::Member final : private Session::Listener {
 public:
  Member(IdleFleet& fleet, Session::Options options)
      : fleet_(fleet),
        session_(fleet.io_, std::move(options), fleet.stats_, fleet.decoded_, *this) {}

  void Connect() { session_.Start(); }
  void Disconnect() { session_.Stop(); }
  void FallSilent() {
    silent_ = true;
    session_.FallSilent();
  }
  bool ready() const { return session_.ready(); }
  const std::string& refusal() const { return session_.refusal(); }

 private:
  void OnReady() override {
    if (!std::exchange(up_, true)) ++fleet_.ready_;
  }
  void OnFrame(const wire::ServerFrame& /*frame*/) override {}
  void OnDown() override {
    if (std::exchange(up_, false)) --fleet_.ready_;
    ++(silent_ ? fleet_.fleet_.silent_closed : fleet_.fleet_.lost);
    silent_ = false;  // the next connection is a live one
  }

  IdleFleet& fleet_;
  Session session_;
  bool up_ = false;
  bool silent_ = false;
};

IdleFleet::IdleFleet(const Config& config, const std::atomic<bool>& interrupted,
                     RunObserver* observer)
    : config_(config),
      interrupted_(interrupted),
      context_(config),
      observer_(observer),
      log_(stats_, observer),
      memory_(config.output.processes) {
  fleet_.connections = config.load.connections;
}

IdleFleet::~IdleFleet() = default;

RunReport IdleFleet::Execute() {
  RunReport report;
  report.run = context_.run();
  // Made before the measurement: the generator may share its machine with what it measures, but
  // not its memory.
  for (uint32_t i = 0; i < config_.load.connections; ++i) {
    members_.push_back(std::make_unique<Member>(*this, context_.SessionOf(i)));
  }
  memory_.Take(&FleetReport::Memory::before);
  if (OpenAll(&report)) Hold(&report);
  log_.Begin("drain");
  CloseAll();
  log_.Collect();
  report.whole.Merge(log_.stats());
  fleet_.memory = memory_.all();
  report.fleet = std::move(fleet_);
  report.interrupted = interrupted_;
  Judge(config_, &report);
  return report;
}

bool IdleFleet::OpenAll(RunReport* report) {
  const double rate = config_.clients.connect_rate;
  const int64_t start_ns = NowNs();
  int64_t told_ns = start_ns;
  log_.Begin("connect");
  size_t begun = 0;
  // The time to open them all, and then that of one more connection.
  const double planned_s = rate > 0 ? static_cast<double>(members_.size()) / rate : 0;
  const double allowed_s =
      planned_s + static_cast<double>(config_.target.connect_timeout.count()) / 1e3;
  while (ready_ < members_.size()) {
    const double elapsed_s = SecondsSince(start_ns);
    const size_t due = rate > 0 ? static_cast<size_t>(rate * elapsed_s) + 1 : members_.size();
    for (; begun < std::min(due, members_.size()); ++begun) members_[begun]->Connect();
    if (!Turn() || elapsed_s > allowed_s) break;
    log_.CollectDue();
    if (NowNs() - told_ns < config_.output.progress.count() * kNsPerMs) continue;
    told_ns = NowNs();
    Say(Grouped(ready_) + " of " + Grouped(uint64_t{members_.size()}) + " connections ready");
    const auto refused = std::find_if(members_.begin(), members_.end(), [](const auto& member) {
      return !member->refusal().empty();
    });
    if (refused != members_.end()) {
      report->unreachable = "the target refused a connection: " + (*refused)->refusal();
      break;
    }
  }
  fleet_.open_seconds = SecondsSince(start_ns);
  log_.Collect();
  report->whole.Merge(log_.stats());
  memory_.Take(&FleetReport::Memory::opened);
  if (!report->unreachable.empty()) return false;
  if (ready_ == members_.size()) {
    if (AwaitStart(observer_, [this] { Turn(); })) return true;
    report->unreachable = "abandoned before the start";
    return false;
  }
  report->unreachable = Grouped(ready_) + " of " + Grouped(uint64_t{members_.size()}) +
                        " connections ready after " + Fixed(fleet_.open_seconds, 1) + " s" +
                        (log_.stats().last_error.empty() ? "" : ": " + log_.stats().last_error);
  return false;
}

void IdleFleet::Hold(RunReport* report) {
  Say(Grouped(ready_) + " connections opened in " + Fixed(fleet_.open_seconds, 1) + " s");
  FallSilent();
  ProcessCpuMeter meter(config_.output.processes);
  meter.Start();
  const int64_t cpu_before_ns = ThreadCpuNs();
  log_.Begin("measure", config_.load.duration.count() * kNsPerMs);
  const int64_t start_ns = NowNs();
  int64_t told_ns = start_ns;
  while (NowNs() - start_ns < config_.load.duration.count() * kNsPerMs && Turn()) {
    log_.CollectDue();
    if (NowNs() - told_ns < config_.output.progress.count() * kNsPerMs) continue;
    told_ns = NowNs();
    log_.Collect();
    Say(Fixed(SecondsSince(start_ns), 0) + " s, " + Grouped(ready_) +
        " connections ready, pong p99 " + Millis(log_.stats().pong_latency.Percentile(99)) + " ms");
  }
  report->seconds = SecondsSince(start_ns);
  report->processes = meter.Stop();
  report->generator_cpu_us = static_cast<double>(ThreadCpuNs() - cpu_before_ns) / 1e3;
  report->busiest_thread = report->generator_cpu_us / 1e6 / report->seconds;
  memory_.Take(&FleetReport::Memory::held);
  log_.Collect();
  report->window = log_.stats();
  report->whole.Merge(report->window);
}

void IdleFleet::FallSilent() {
  const auto count =
      static_cast<size_t>(config_.faults.half_open * static_cast<double>(members_.size()));
  for (size_t i = 0; i < count; ++i) members_[i]->FallSilent();
  fleet_.silent = count;
}

void IdleFleet::CloseAll() {
  for (const auto& member : members_) member->Disconnect();
  const auto until = steady_clock::now() + std::chrono::seconds(2);
  if (io_.stopped()) io_.restart();
  io_.run_until(until);  // ends by itself once every connection is closed
}

bool IdleFleet::Turn() {
  if (io_.stopped()) io_.restart();
  io_.run_for(kFleetTurn);
  return !interrupted_;
}

void IdleFleet::Say(const std::string& line) const {
  if (!config_.output.quiet) std::fputs((config_.scenario + ": " + line + "\n").c_str(), stderr);
}

}  // namespace topgun::loadgen
