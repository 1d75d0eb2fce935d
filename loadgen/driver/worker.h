// One thread with its event loop and its share of the connections.
//
// The main thread talks to it through the methods below, each of which runs on the worker's thread
// and returns when it is done; nothing else is shared, so nothing is locked. Destruction joins.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "driver/fault_driver.h"
#include "driver/pacer.h"
#include "driver/run_context.h"
#include "driver/subscriber.h"
#include "driver/writer.h"
#include "stats/run_stats.h"
#include "verify/ledger.h"
#include "verify/sighting.h"

namespace topgun::loadgen {

class Worker {
 public:
  // Worker `index` of `config().load.threads` takes every threads-th writer and subscriber; the
  // first one also runs the observer that the verification of OR maps needs.
  Worker(const RunContext& context, uint32_t index);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  struct State {
    uint32_t connections = 0;
    uint32_t connections_ready = 0;
    uint64_t unacked_ops = 0;
    uint64_t unanswered_queries = 0;
    bool drained = false;
    uint64_t sightings = 0;  // tags of OR maps seen, and changes of rows that are kept
    std::string refusal;     // of any session
  };

  struct Interval {
    RunStats stats;
    int64_t cpu_ns = 0;  // of this thread, ever
  };

  void Connect();
  State GetState();
  // Drained when all keys are written.
  void StartPreload();
  void StartWriting(int64_t start_ns);
  void StopWriting();
  // What was counted since the last call.
  Interval TakeStats();

  // Ends all connections and the thread. The rest may be used afterwards only.
  void Finish();
  Ledger* ledger() { return ledger_ ? &*ledger_ : nullptr; }
  const Sightings& sightings() const { return sightings_; }
  const std::vector<std::unique_ptr<Subscriber>>& subscribers() const { return subscribers_; }

 private:
  template <typename Function>
  auto OnThread(Function function);

  void Pin();
  void MakeWriters();
  void MakeSubscribers();
  void MakeFaults();
  uint64_t QuotaOf(uint32_t writer) const;
  void ConnectDue();
  void Pace();

  const RunContext& context_;
  const uint32_t index_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  RunStats stats_;
  wire::ServerFrame decoded_;
  std::optional<Ledger> ledger_;
  Sightings sightings_;
  std::vector<uint32_t> writer_numbers_;
  std::vector<std::unique_ptr<Writer>> writers_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  size_t connects_begun_ = 0;  // writers, then subscribers
  std::optional<Pacer> connect_pacer_;
  boost::asio::steady_timer connect_timer_;
  std::optional<Pacer> pacer_;
  boost::asio::steady_timer pace_timer_;
  std::optional<FaultDriver> faults_;
  std::thread thread_;
};

}  // namespace topgun::loadgen
