#include "driver/run.h"

#include <algorithm>
#include <thread>

#include "driver/read_back.h"
#include "scrape/server_meter.h"
#include "stats/process_cpu.h"

namespace topgun::loadgen {
namespace {

constexpr std::chrono::milliseconds kPollEvery{20};
constexpr int64_t kIntervalNs = 1'000 * kNsPerMs;
// Events of the last acknowledged writes are on their way for at most this long.
constexpr int64_t kSightingsQuietNs = 1'000 * kNsPerMs;

int64_t Ns(std::chrono::milliseconds time) { return time.count() * kNsPerMs; }
double SecondsOf(int64_t ns) { return static_cast<double>(ns) / 1e9; }

}  // namespace

Run::Run(const Config& config, const std::atomic<bool>& interrupted, RunObserver* observer)
    : config_(config),
      interrupted_(interrupted),
      observer_(observer),
      interval_ns_(std::min(Ns(config.output.progress), kIntervalNs)),
      context_(config) {}

RunReport Run::Execute() {
  RunReport report;
  report.run = id();
  start_ns_ = NowNs();
  for (uint32_t i = 0; i < config_.load.threads; ++i) {
    workers_.push_back(std::make_unique<Worker>(context_, i));
  }
  if (ConnectAll(&report)) {
    Preload(&report);
    WarmUp(&report);
    Measure(&report);
    CoolDown(&report);
    Drain(&report);
    Check(&report);
  }
  report.interrupted = interrupted_;
  Judge(config_, &report);
  return report;
}

bool Run::ConnectAll(RunReport* report) {
  Phase connecting = Begin("connect");
  for (const auto& worker : workers_) worker->Connect();
  const double rate = config_.clients.connect_rate;
  const double all = config_.load.connections + config_.clients.subscribers;
  const int64_t begin_ns = rate > 0 ? static_cast<int64_t>(all / rate * 1e9) : 0;
  const int64_t deadline_ns = NowNs() + begin_ns + Ns(config_.target.connect_timeout);
  Worker::State state = TotalState();
  while (state.connections_ready < state.connections && state.refusal.empty() &&
         NowNs() < deadline_ns && !interrupted_) {
    std::this_thread::sleep_for(kPollEvery);
    state = TotalState();
  }
  Collect(&connecting);
  report->whole.Merge(connecting.stats);
  if (state.connections_ready == state.connections) {
    if (observer_ == nullptr || observer_->OnConnected()) return true;
    report->unreachable = "abandoned before the start";
    return false;
  }

  report->unreachable = std::to_string(state.connections_ready) + " of " +
                        std::to_string(state.connections) + " connections ready after " +
                        std::to_string(config_.target.connect_timeout.count() / 1000) + " s";
  const std::string& reason = state.refusal.empty() ? connecting.stats.last_error : state.refusal;
  if (!state.refusal.empty()) report->unreachable = "the target refused a connection";
  if (!reason.empty()) report->unreachable += ": " + reason;
  return false;
}

// As fast as the target takes it; what was refused or lost is not tried again.
void Run::Preload(RunReport* report) {
  if (!config_.data.preload) return;
  Phase phase = Begin("preload");
  for (const auto& worker : workers_) worker->StartPreload();
  while (!TotalState().drained && !interrupted_) Step(phase.start_ns + INT64_MAX / 2, &phase);
  Collect(&phase);
  report->whole.Merge(phase.stats);
}

void Run::WarmUp(RunReport* report) {
  if (config_.load.warmup.count() == 0) return;
  Phase phase = Begin("warm-up");
  StartWriting(phase);
  const int64_t end_ns = phase.end_ns = phase.start_ns + Ns(config_.load.warmup);
  while (NowNs() < end_ns && !interrupted_) Step(end_ns, &phase);
  Collect(&phase);
  report->whole.Merge(phase.stats);
}

void Run::StartWriting(const Phase& phase) {
  for (const auto& worker : workers_) worker->StartWriting(phase.start_ns);
}

void Run::Measure(RunReport* report) {
  ServerMeter servers(config_.output.metrics_urls);
  servers.Start();
  ProcessCpuMeter meter(config_.output.processes);
  meter.Start();
  Phase before = Begin("warm-up");  // its last moment, while the meters were read
  const std::vector<int64_t> cpu_before = Collect(&before);
  report->whole.Merge(before.stats);
  Phase phase = Begin("measure");
  if (config_.load.warmup.count() == 0) StartWriting(phase);

  const int64_t end_ns =
      config_.load.ops > 0 ? INT64_MAX : phase.start_ns + Ns(config_.load.duration);
  phase.end_ns = end_ns;
  while (NowNs() < end_ns && !interrupted_) {
    Step(std::min(end_ns, NowNs() + Ns(kPollEvery)), &phase);
    if (config_.load.ops > 0 && TotalState().drained) break;
  }
  if (config_.load.cooldown.count() == 0) StopWriting();
  const std::vector<int64_t> cpu_after = Collect(&phase);
  report->processes = meter.Stop();
  report->seconds = SecondsOf(NowNs() - phase.start_ns);
  report->server = servers.Stop();

  int64_t busiest_ns = 0;
  for (size_t i = 0; i < cpu_after.size(); ++i) {
    const int64_t used_ns = cpu_after[i] - cpu_before[i];
    busiest_ns = std::max(busiest_ns, used_ns);
    report->generator_cpu_us += static_cast<double>(used_ns) / 1e3;
  }
  report->busiest_thread = SecondsOf(busiest_ns) / report->seconds;
  report->window = std::move(phase.stats);
  report->measured.Merge(report->window);
  report->whole.Merge(report->window);
}

void Run::StopWriting() {
  for (const auto& worker : workers_) worker->StopWriting();
}

// Load goes on while the measured operations come in; what is sent now counts nowhere else.
void Run::CoolDown(RunReport* report) {
  if (config_.load.cooldown.count() == 0) return;
  Phase phase = Begin("cool-down");
  const int64_t end_ns = phase.start_ns + Ns(config_.load.cooldown);
  while (NowNs() < end_ns && !interrupted_) Step(end_ns, &phase);
  StopWriting();
  Collect(&phase);
  report->whole.Merge(phase.stats);
}

void Run::Drain(RunReport* report) {
  Phase phase = Begin("drain");
  const int64_t end_ns = phase.start_ns + Ns(config_.load.drain_timeout);
  Worker::State state = TotalState();
  while (!state.drained && NowNs() < end_ns) {
    Step(std::min(end_ns, NowNs() + Ns(kPollEvery)), &phase);
    state = TotalState();
  }
  report->unacked_ops = state.unacked_ops;
  report->unanswered_queries = state.unanswered_queries;
  const bool seen_live =
      config_.verify.watches() || (config_.verify.reads_back() && context_.keys().HasOr());
  if (seen_live) AwaitSightings(&phase);
  Collect(&phase);
  // After a cool-down these are operations that were sent during it.
  if (config_.load.cooldown.count() == 0) report->measured.Merge(phase.stats);
  report->whole.Merge(phase.stats);
}

// The observer has seen all it will see once nothing new has come for a while.
void Run::AwaitSightings(Phase* phase) {
  uint64_t seen = TotalState().sightings;
  int64_t quiet_since_ns = NowNs();
  while (NowNs() - quiet_since_ns < kSightingsQuietNs) {
    Step(NowNs() + Ns(kPollEvery), phase);
    const uint64_t now_seen = TotalState().sightings;
    if (now_seen != seen) quiet_since_ns = NowNs();
    seen = now_seen;
  }
}

void Run::Check(RunReport* report) {
  const Worker::State state = TotalState();
  for (const auto& worker : workers_) worker->Finish();
  if (!config_.verify.needs_ledger()) return;
  if (observer_ != nullptr) observer_->OnPhase("verify");
  Ledger& ledger = *workers_[0]->ledger();
  for (size_t i = 1; i < workers_.size(); ++i) ledger.Merge(*workers_[i]->ledger());
  if (config_.verify.inject_loss > 0) ledger.ClaimPhantomAcks(config_.verify.inject_loss);
  if (config_.verify.reads_back()) {
    report->verify = ReadBack(context_, ledger, workers_[0]->sightings()).Run();
  }
  if (!config_.verify.watches()) return;
  if (!report->verify) report->verify.emplace().acked_ops = ledger.acked_ops();
  CheckLive(ledger, &*report->verify);
  if (state.connections_ready < state.connections) {
    report->verify->incomplete = "not every live query was there at the end";
  }
}

void Run::CheckLive(const Ledger& ledger, VerifyReport* report) const {
  uint64_t queries = 0;
  for (const auto& worker : workers_) {
    for (const auto& subscriber : worker->subscribers()) {
      if (subscriber->rows() == nullptr) continue;
      CompareLiveRows(ledger, *subscriber->rows(), report);
      queries += subscriber->rows()->size();
    }
  }
  report->live_proof = "updates of " + std::to_string(queries) + " live queries";
}

Run::Phase Run::Begin(const char* name) const {
  if (observer_ != nullptr) observer_->OnPhase(name);
  const int64_t now_ns = NowNs();
  Phase phase;
  phase.name = name;
  phase.start_ns = phase.last_interval_ns = now_ns;
  return phase;
}

void Run::Step(int64_t until_ns, Phase* phase) {
  const int64_t interval_end_ns = phase->last_interval_ns + interval_ns_;
  const int64_t slice_ns = Ns(kPollEvery);  // short, so that an interrupt is noticed
  const int64_t wake_up_ns = std::min({until_ns, interval_end_ns, NowNs() + slice_ns});
  std::this_thread::sleep_for(std::chrono::nanoseconds(std::max<int64_t>(0, wake_up_ns - NowNs())));
  if (NowNs() >= interval_end_ns) Collect(phase);
}

std::vector<int64_t> Run::Collect(Phase* phase) {
  Interval interval;
  std::vector<int64_t> cpu_ns;
  for (const auto& worker : workers_) {
    const Worker::Interval part = worker->TakeStats();
    interval.stats.Merge(part.stats);
    cpu_ns.push_back(part.cpu_ns);
  }
  const int64_t now_ns = NowNs();
  phase->stats.Merge(interval.stats);
  if (observer_ != nullptr) {
    interval.phase = phase->name;
    interval.run_s = SecondsOf(now_ns - start_ns_);
    interval.phase_s = SecondsOf(now_ns - phase->start_ns);
    if (phase->end_ns != INT64_MAX) {
      interval.left_s = SecondsOf(std::max<int64_t>(0, phase->end_ns - now_ns));
    }
    interval.seconds = SecondsOf(now_ns - phase->last_interval_ns);
    interval.unacked_ops = TotalState().unacked_ops;
    observer_->OnInterval(interval);
  }
  phase->last_interval_ns = now_ns;
  return cpu_ns;
}

Worker::State Run::TotalState() {
  Worker::State total;
  total.drained = true;
  for (const auto& worker : workers_) {
    const Worker::State state = worker->GetState();
    total.connections += state.connections;
    total.connections_ready += state.connections_ready;
    total.unacked_ops += state.unacked_ops;
    total.unanswered_queries += state.unanswered_queries;
    total.drained &= state.drained;
    total.sightings += state.sightings;
    if (!state.refusal.empty()) total.refusal = state.refusal;
  }
  return total;
}

}  // namespace topgun::loadgen
