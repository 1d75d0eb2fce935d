#include "fleet/connect_storm.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <utility>

#include "fleet/elapsed.h"
#include "report/text.h"
#include "stats/process_cpu.h"
#include "wire/client_encode.h"

namespace topgun::loadgen {
namespace {

constexpr std::chrono::milliseconds kStormTurn{2};
constexpr int64_t kCycleTimeoutNs = 10'000 * kNsPerMs;

}  // namespace

// One client at a time: from connecting to leaving.
class ConnectStorm::Visitor final : private Session::Listener {
 public:
  Visitor(ConnectStorm& storm, Session::Options options)
      : storm_(storm),
        session_(storm.io_, std::move(options), storm.stats_, storm.decoded_, *this) {}

  void Begin() {
    began_ns_ = NowNs();
    busy_ = true;
    session_.Start();
  }
  // Gives up what takes too long.
  void Expire(int64_t now_ns) {
    if (busy_ && now_ns - began_ns_ > kCycleTimeoutNs) Fail();
  }
  void Stop() { session_.Stop(); }
  bool busy() const { return busy_; }
  const std::string& refusal() const { return session_.refusal(); }

 private:
  void OnReady() override {
    const std::string& map = storm_.context_.keys().maps().front().name;
    wire::QuerySubFrame query;
    query.query_id = "visit";
    query.map = map;
    std::string frame;
    wire::EncodeQuerySub(query, frame);
    session_.Send({frame});
  }
  void OnFrame(const wire::ServerFrame& frame) override {
    if (!busy_ || frame.type != wire::FrameType::kQueryResp) return;
    storm_.stats_.answer_latency.Record(NowNs() - began_ns_);
    ++storm_.fleet_.cycles;
    Leave();
  }
  void OnLost() override {
    if (busy_) Fail();
  }
  void Fail() {
    ++storm_.fleet_.cycles_failed;
    Leave();
  }
  // In a turn of its own: the session is on the stack.
  void Leave() {
    busy_ = false;
    boost::asio::post(storm_.io_, [this] {
      session_.Stop();
      storm_.OnCycleEnded(*this);
    });
  }

  ConnectStorm& storm_;
  Session session_;
  int64_t began_ns_ = 0;
  bool busy_ = false;
};

ConnectStorm::ConnectStorm(const Config& config, const std::atomic<bool>& interrupted,
                           RunObserver* observer)
    : config_(config),
      interrupted_(interrupted),
      context_(config),
      observer_(observer),
      log_(stats_, observer) {
  for (uint32_t i = 0; i < config.load.connections; ++i) {
    Session::Options options = context_.SessionOf(i);
    options.reconnect = false;
    visitors_.push_back(std::make_unique<Visitor>(*this, std::move(options)));
    free_.push_back(visitors_.back().get());
  }
  fleet_.connections = config.load.connections;
}

ConnectStorm::~ConnectStorm() = default;

RunReport ConnectStorm::Execute() {
  RunReport report;
  report.run = context_.run();
  // Nothing is connected before: agents only wait for each other.
  log_.Begin("connect");
  if (observer_ == nullptr || observer_->OnConnected()) {
    Measure(&report);
  } else {
    report.unreachable = "abandoned before the start";
  }
  report.fleet = std::move(fleet_);
  report.interrupted = interrupted_;
  Judge(config_, &report);
  return report;
}

void ConnectStorm::Measure(RunReport* report) {
  ProcessCpuMeter meter(config_.output.processes);
  meter.Start();
  const int64_t cpu_before_ns = ThreadCpuNs();
  log_.Begin("measure", config_.load.duration.count() * kNsPerMs);
  const int64_t start_ns = NowNs();
  int64_t told_ns = start_ns;
  uint64_t told_cycles = 0;
  while (NowNs() - start_ns < config_.load.duration.count() * kNsPerMs && !interrupted_) {
    BeginDue(SecondsSince(start_ns));
    if (io_.stopped()) io_.restart();
    io_.run_for(kStormTurn);
    log_.CollectDue();
    if (NowNs() - told_ns < config_.output.progress.count() * kNsPerMs) continue;
    Expire();
    log_.Collect();
    if (!config_.output.quiet) {
      const double rate = static_cast<double>(fleet_.cycles - told_cycles) / SecondsSince(told_ns);
      std::fprintf(stderr, "connect-storm: %3.0f s  %s cycles/s  p99 to the answer %s ms\n",
                   SecondsSince(start_ns), Grouped(rate).c_str(),
                   Millis(log_.stats().answer_latency.Percentile(99)).c_str());
    }
    told_ns = NowNs();
    told_cycles = fleet_.cycles;
  }
  report->seconds = SecondsSince(start_ns);
  report->processes = meter.Stop();
  report->generator_cpu_us = static_cast<double>(ThreadCpuNs() - cpu_before_ns) / 1e3;
  report->busiest_thread = report->generator_cpu_us / 1e6 / report->seconds;
  log_.Collect();
  report->window = log_.stats();
  report->whole.Merge(report->window);
  for (const auto& visitor : visitors_) {
    if (!visitor->refusal().empty()) {
      report->unreachable = "the target refused a connection: " + visitor->refusal();
    }
  }
  log_.Begin("drain");
  AwaitRest();
  log_.Collect();
  report->whole.Merge(log_.stats());
}

void ConnectStorm::BeginDue(double elapsed_s) {
  const double rate = config_.clients.connect_rate;
  const uint64_t due = rate > 0 ? static_cast<uint64_t>(rate * elapsed_s) : begun_ + free_.size();
  for (; begun_ < due; ++begun_) {
    if (free_.empty()) {
      fleet_.cycles_late += due - begun_;
      begun_ = due;
      return;
    }
    Visitor* const visitor = free_.back();
    free_.pop_back();
    visitor->Begin();
  }
}

void ConnectStorm::OnCycleEnded(Visitor& visitor) {
  free_.push_back(&visitor);
  if (open_ && config_.clients.connect_rate == 0) BeginDue(0);
}

void ConnectStorm::Expire() {
  const int64_t now_ns = NowNs();
  for (const auto& visitor : visitors_) visitor->Expire(now_ns);
}

// Those on their way may still finish.
void ConnectStorm::AwaitRest() {
  open_ = false;
  const int64_t start_ns = NowNs();
  const auto busy = [](const auto& visitor) { return visitor->busy(); };
  while (std::any_of(visitors_.begin(), visitors_.end(), busy) &&
         NowNs() - start_ns < kCycleTimeoutNs && !interrupted_) {
    if (io_.stopped()) io_.restart();
    io_.run_for(kStormTurn);
    Expire();
  }
  for (const auto& visitor : visitors_) visitor->Stop();
  if (io_.stopped()) io_.restart();
  io_.run_for(std::chrono::milliseconds(100));
}

}  // namespace topgun::loadgen
