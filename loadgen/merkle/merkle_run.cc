#include "merkle/merkle_run.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "driver/await_start.h"
#include "driver/run.h"
#include "report/text.h"
#include "stats/process_cpu.h"

namespace topgun::loadgen {
namespace {

constexpr std::chrono::milliseconds kSlice{20};
constexpr std::chrono::milliseconds kFirstSyncTimeout{120'000};
// Few enough for the rate limit of a connection (core.md 2.9).
constexpr uint64_t kPreloadKeysPerConnection = 10'000;
constexpr uint64_t kPreloadConnectionsMax = 1'000;

// One map, every key written once.
Config PreloadConfig(const Config& config) {
  Config preload;
  preload.scenario = config.scenario;
  preload.target = config.target;
  preload.data = config.data;
  preload.data.key_distribution.kind = KeyDistribution::kSequential;
  preload.load.connections = static_cast<uint32_t>(std::clamp<uint64_t>(
      config.data.keys / kPreloadKeysPerConnection, 1, kPreloadConnectionsMax));
  preload.load.batch = 500;
  preload.load.inflight = 2;
  preload.load.ops = config.data.keys;
  preload.load.warmup = std::chrono::milliseconds(0);
  preload.output.quiet = true;
  return preload;
}

// Whatever the run that fills the map does is preloading to those who watch.
class PreloadObserver final : public RunObserver {
 public:
  explicit PreloadObserver(RunObserver& next) : next_(next) {}

  void OnInterval(const Interval& interval) override {
    Interval told = interval;
    told.phase = "preload";
    told.left_s = -1;
    next_.OnInterval(told);
  }

 private:
  RunObserver& next_;
};

// By descending age of their records: the newest first.
std::vector<std::string> NewestFirst(std::vector<KeyAge> ages) {
  std::sort(ages.begin(), ages.end(), [](const KeyAge& a, const KeyAge& b) {
    return std::tie(b.millis, b.counter, a.key) < std::tie(a.millis, a.counter, b.key);
  });
  std::vector<std::string> keys;
  keys.reserve(ages.size());
  for (KeyAge& age : ages) keys.push_back(std::move(age.key));
  return keys;
}

}  // namespace

MerkleRun::MerkleRun(const Config& config, const std::atomic<bool>& interrupted,
                     RunObserver* observer)
    : config_(config),
      interrupted_(interrupted),
      context_(config),
      observer_(observer),
      log_(stats_, observer) {}

RunReport MerkleRun::Execute() {
  RunReport report;
  report.run = context_.run();
  if (Preload(&report) && SyncFirst(&report)) {
    MakeClients();
    if (ConnectAll(&report)) Measure(&report);
  }
  log_.Begin("drain");
  log_.Collect();
  report.whole.Merge(log_.stats());
  report.merkle = merkle_;
  report.interrupted = interrupted_;
  Judge(config_, &report);
  return report;
}

bool MerkleRun::Preload(RunReport* report) {
  Say("writing " + Grouped(config_.data.keys) + " keys");
  const Config preload = PreloadConfig(config_);
  std::optional<PreloadObserver> observer;
  if (observer_ != nullptr) observer.emplace(*observer_);
  const RunReport written = Run(preload, interrupted_, observer ? &*observer : nullptr).Execute();
  if (written.exit_code != kExitOk) {
    report->unreachable = "the map could not be filled: " + written.problems.front();
    return false;
  }
  Say("written at " + Grouped(written.PerSecond(written.window.ops_acked)) + " ops/s");
  return true;
}

// An empty client that fetches everything: what it then holds is what the others begin with.
bool MerkleRun::SyncFirst(RunReport* report) {
  const KeySpace::Map& map = context_.keys().maps().front();
  merkle_.map = map.name;
  MerkleReport first;
  bool done = false;
  log_.Begin("preload");
  MerkleClient::Plan plan;
  plan.map = map.name;
  plan.is_or = map.is_or;
  plan.cold = true;
  first_ = std::make_unique<MerkleClient>(io_, context_.SessionOf(0), std::move(plan),
                                          MakeReplica(map.is_or), stats_, decoded_, first,
                                          [&done] { done = true; });
  first_->Connect();
  first_->Start();
  RunUntil([&] { return done || !first_->refusal().empty(); }, kFirstSyncTimeout);
  first_->Disconnect();
  log_.Collect();
  report->whole.Merge(log_.stats());
  if (first.syncs == 0) {
    report->unreachable = "the first sync did not end" +
                          (log_.stats().last_error.empty() ? "" : ": " + log_.stats().last_error);
    return false;
  }
  merkle_.keys = first_->replica().tree().size();
  merkle_.first_sync_ms = static_cast<double>(first.duration.max()) / 1e6;
  merkle_.first_mismatch = first.mismatches > 0;
  merkle_.keys_missing = config_.data.keys - std::min(merkle_.keys, config_.data.keys);
  Say("first sync of " + Grouped(merkle_.keys) + " keys took " + Fixed(merkle_.first_sync_ms, 1) +
      " ms");
  return true;
}

void MerkleRun::MakeClients() {
  const KeySpace::Map& map = context_.keys().maps().front();
  MerkleClient::Plan plan;
  plan.map = map.name;
  plan.is_or = map.is_or;
  plan.repetitions = config_.merkle.syncs;
  plan.cold = config_.merkle.lack == MerkleLack::kEverything;
  plan.newest = config_.merkle.spread == MerkleSpread::kNewest;
  if (config_.merkle.lack == MerkleLack::kSome) {
    plan.behind = std::min<uint64_t>(config_.merkle.behind, merkle_.keys);
    plan.keys = NewestFirst(first_->replica().Keys());
  }
  merkle_.behind = plan.cold ? merkle_.keys : plan.behind;
  for (uint32_t i = 0; i < config_.load.connections; ++i) {
    clients_.push_back(std::make_unique<MerkleClient>(io_, context_.SessionOf(i), plan,
                                                      first_->replica().Clone(), stats_, decoded_,
                                                      merkle_, [this] { ++done_; }));
  }
}

bool MerkleRun::ConnectAll(RunReport* report) {
  log_.Begin("connect");
  for (const auto& client : clients_) client->Connect();
  const auto ready = [this] {
    return std::all_of(clients_.begin(), clients_.end(),
                       [](const auto& client) { return client->ready(); });
  };
  const bool all_ready = RunUntil(ready, config_.target.connect_timeout);
  log_.Collect();
  report->whole.Merge(log_.stats());
  if (!all_ready) {
    const std::string& error = log_.stats().last_error;
    report->unreachable = "not all " + Grouped(uint64_t{clients_.size()}) +
                          " connections got ready" + (error.empty() ? "" : ": " + error);
    return false;
  }
  if (AwaitStart(observer_, [this] { Turn(); })) return true;
  report->unreachable = "abandoned before the start";
  return false;
}

void MerkleRun::Measure(RunReport* report) {
  log_.Begin("measure");
  ProcessCpuMeter meter(config_.output.processes);
  meter.Start();
  const int64_t cpu_before_ns = ThreadCpuNs();
  const int64_t start_ns = NowNs();
  for (const auto& client : clients_) client->Start();
  int64_t told_ns = start_ns;
  while (done_ < clients_.size() && !interrupted_) {
    RunUntil([this] { return done_ == clients_.size(); }, config_.output.progress);
    if (NowNs() - told_ns < config_.output.progress / std::chrono::nanoseconds(1)) continue;
    told_ns = NowNs();
    Say(Grouped(merkle_.syncs) + " syncs, p50 " + Millis(merkle_.duration.Percentile(50)) +
        " ms, p99 " + Millis(merkle_.duration.Percentile(99)) + " ms");
  }
  report->seconds = static_cast<double>(NowNs() - start_ns) / 1e9;
  report->processes = meter.Stop();
  report->generator_cpu_us = static_cast<double>(ThreadCpuNs() - cpu_before_ns) / 1e3;
  report->busiest_thread = report->generator_cpu_us / 1e6 / report->seconds;
  for (const auto& client : clients_) client->Disconnect();
  log_.Collect();
  report->window = log_.stats();
  report->whole.Merge(report->window);
  merkle_.bytes_sent = report->window.bytes_sent;
  merkle_.bytes_received = report->window.bytes_received;
}

template <typename Condition>
bool MerkleRun::RunUntil(Condition until, std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!until()) {
    if (interrupted_ || std::chrono::steady_clock::now() >= deadline) return false;
    Turn();
    log_.CollectDue();
  }
  return true;
}

// One handler at a time, so that a condition is noticed at once.
void MerkleRun::Turn() {
  if (io_.stopped()) io_.restart();
  io_.run_one_for(kSlice);
}

void MerkleRun::Say(const std::string& line) const {
  if (!config_.output.quiet) std::fputs((config_.scenario + ": " + line + "\n").c_str(), stderr);
}

}  // namespace topgun::loadgen
