#include "driver/worker.h"

#include <sched.h>

#include <boost/asio/post.hpp>
#include <future>
#include <numeric>
#include <utility>

#include "stats/process_cpu.h"

namespace topgun::loadgen {

Worker::Worker(const RunContext& context, uint32_t index)
    : context_(context),
      index_(index),
      work_(io_.get_executor()),
      connect_timer_(io_),
      pace_timer_(io_) {
  const Config& config = context.config();
  if (config.verify.needs_ledger()) {
    ledger_.emplace(context.keys(), context.run(), config.load.connections);
  }
  MakeWriters();
  MakeSubscribers();
  MakeFaults();
  thread_ = std::thread([this] {
    Pin();
    io_.run();
  });
}

// The CPUs were checked with the command line; if one has gone since, the thread runs anywhere.
void Worker::Pin() {
  const std::vector<uint32_t>& cpus = context_.config().load.cpus;
  if (cpus.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus[index_ % cpus.size()], &set);
  sched_setaffinity(0, sizeof set, &set);
}

Worker::~Worker() {
  if (thread_.joinable()) Finish();
}

void Worker::MakeWriters() {
  const Config& config = context_.config();
  for (uint32_t number = index_; number < config.load.connections; number += config.load.threads) {
    writer_numbers_.push_back(number);
    writers_.push_back(std::make_unique<Writer>(io_, context_, number, stats_, decoded_,
                                                ledger_ ? &*ledger_ : nullptr));
  }
}

void Worker::MakeSubscribers() {
  const Config& config = context_.config();
  const auto& maps = context_.keys().maps();
  std::vector<uint32_t> all(maps.size());
  std::iota(all.begin(), all.end(), 0U);
  for (uint32_t number = index_; number < config.clients.subscribers;
       number += config.load.threads) {
    subscribers_.push_back(
        std::make_unique<Subscriber>(io_, context_, number, all, stats_, decoded_, nullptr));
    const double slow = config.faults.slow_readers * config.clients.subscribers;
    if (number < slow) subscribers_.back()->BecomeSlow();
    if (config.verify.watches()) subscribers_.back()->KeepRows();
  }
  if (index_ != 0 || !config.verify.reads_back() || !context_.keys().HasOr()) return;
  std::erase_if(all, [&](uint32_t map) { return !maps[map].is_or; });
  subscribers_.push_back(std::make_unique<Subscriber>(io_, context_, config.clients.subscribers,
                                                      all, stats_, decoded_, &sightings_));
}

void Worker::MakeFaults() {
  const Config& config = context_.config();
  if (config.faults.disconnect_rate == 0 && config.faults.offline.away.count() == 0) return;
  std::vector<FaultDriver::Victim> victims;
  for (size_t i = 0; i < writers_.size(); ++i) {
    victims.push_back({writer_numbers_[i], writers_[i].get()});
  }
  faults_.emplace(io_, config.faults, std::move(victims), config.load.connections,
                  config.data.seed + index_);
}

template <typename Function>
auto Worker::OnThread(Function function) {
  std::packaged_task<decltype(function())()> task(std::move(function));
  auto result = task.get_future();
  boost::asio::post(io_, std::move(task));
  return result.get();
}

void Worker::Connect() {
  OnThread([this] {
    const Config& config = context_.config();
    const double all = config.load.connections + config.clients.subscribers;
    const double share = static_cast<double>(writers_.size() + subscribers_.size()) / all;
    const double rate = config.clients.connect_rate * share;
    if (rate > 0) connect_pacer_.emplace(RateCurve::Constant(rate), 1, NowNs());
    ConnectDue();
  });
}

// Begins what is due by --conn-rate, those that write first; without a rate, all at once.
void Worker::ConnectDue() {
  const size_t all = writers_.size() + subscribers_.size();
  for (; connects_begun_ < all; ++connects_begun_) {
    uint64_t number = 0;
    if (connect_pacer_ && !connect_pacer_->Due(NowNs())) break;
    if (connect_pacer_) connect_pacer_->Take(&number);
    if (connects_begun_ < writers_.size()) {
      writers_[connects_begun_]->Connect();
    } else {
      subscribers_[connects_begun_ - writers_.size()]->Connect();
    }
  }
  if (connects_begun_ == all) return;
  const std::chrono::nanoseconds wake_up(connect_pacer_->WakeUpNs(NowNs()));
  connect_timer_.expires_at(std::chrono::steady_clock::time_point(wake_up));
  connect_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) ConnectDue();
  });
}

Worker::State Worker::GetState() {
  return OnThread([this] {
    State state;
    state.connections = static_cast<uint32_t>(writers_.size() + subscribers_.size());
    state.drained = true;
    state.sightings = sightings_.tags.size();
    for (const auto& writer : writers_) {
      state.connections_ready += writer->ready();
      state.unacked_ops += writer->unacked_ops();
      state.unanswered_queries += writer->unanswered_queries();
      state.drained &= writer->Drained();
      if (!writer->refusal().empty()) state.refusal = writer->refusal();
    }
    for (const auto& subscriber : subscribers_) {
      state.connections_ready += subscriber->subscribed();
      state.sightings += subscriber->row_changes();
      if (!subscriber->refusal().empty()) state.refusal = subscriber->refusal();
    }
    return state;
  });
}

// --ops is shared out evenly, the remainder to the first connections.
uint64_t Worker::QuotaOf(uint32_t writer) const {
  const Config& config = context_.config();
  if (config.load.ops == 0) return UINT64_MAX;
  return config.load.ops / config.load.connections +
         (writer < config.load.ops % config.load.connections ? 1 : 0);
}

void Worker::StartPreload() {
  OnThread([this] {
    for (const auto& writer : writers_) writer->StartPreload();
  });
}

void Worker::StartWriting(int64_t start_ns) {
  OnThread([this, start_ns] {
    const Config& config = context_.config();
    for (size_t i = 0; i < writers_.size(); ++i) {
      writers_[i]->StartWriting(QuotaOf(writer_numbers_[i]));
    }
    if (faults_) faults_->Start();
    if (!config.load.open_loop()) return;
    const double share = static_cast<double>(writers_.size()) / config.load.connections;
    pacer_.emplace(config.load.curve().Times(share), Writer::OpsPerTurn(config), start_ns);
    Pace();
  });
}

void Worker::Pace() {
  if (!pacer_) return;
  int64_t now_ns = NowNs();
  while (pacer_->Due(now_ns)) {
    uint64_t number = 0;
    const int64_t planned_ns = pacer_->Take(&number);
    writers_[number % writers_.size()]->SendPlanned(planned_ns);
    now_ns = NowNs();
  }
  const std::chrono::nanoseconds wake_up(pacer_->WakeUpNs(now_ns));
  pace_timer_.expires_at(std::chrono::steady_clock::time_point(wake_up));
  pace_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) Pace();
  });
}

void Worker::StopWriting() {
  OnThread([this] {
    pacer_.reset();
    if (faults_) faults_->Stop();
    for (const auto& writer : writers_) writer->StopWriting();
  });
}

Worker::Interval Worker::TakeStats() {
  return OnThread([this] { return Interval{std::exchange(stats_, {}), ThreadCpuNs()}; });
}

void Worker::Finish() {
  OnThread([this] {
    pacer_.reset();
    pace_timer_.cancel();
    connect_timer_.cancel();
    if (faults_) faults_->Stop();
    for (const auto& writer : writers_) {
      writer->SettleRest();
      writer->Disconnect();
    }
    for (const auto& subscriber : subscribers_) subscriber->Disconnect();
  });
  work_.reset();
  thread_.join();
}

}  // namespace topgun::loadgen
