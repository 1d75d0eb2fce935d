// The idle scenario: opens --connections at --conn-rate, keeps them alive with their heartbeat for
// --duration, and tells what that costs the processes of --pids.
//
// Runs on the calling thread, with its own event loop: ten thousand heartbeats are 2 000 frames a
// second.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "client/session.h"
#include "config.h"
#include "driver/phase_log.h"
#include "driver/run_context.h"
#include "fleet/memory_samples.h"
#include "report/run_report.h"

namespace topgun::loadgen {

class IdleFleet {
 public:
  // `interrupted` may be set by a signal handler: the run then ends early, with its report.
  // `observer` may be null.
  IdleFleet(const Config& config, const std::atomic<bool>& interrupted,
            RunObserver* observer = nullptr);
  ~IdleFleet();

  uint32_t id() const { return context_.run(); }
  RunReport Execute();

 private:
  class Member;

  bool OpenAll(RunReport* report);
  void Hold(RunReport* report);
  void FallSilent();
  void CloseAll();

  // Runs the event loop for a moment. False after an interrupt.
  bool Turn();
  void Say(const std::string& line) const;

  const Config& config_;
  const std::atomic<bool>& interrupted_;
  const RunContext context_;
  boost::asio::io_context io_{1};
  RunStats stats_;
  RunObserver* const observer_;
  PhaseLog log_;
  MemorySamples memory_;
  wire::ServerFrame decoded_;
  FleetReport fleet_;
  std::vector<std::unique_ptr<Member>> members_;
  uint64_t ready_ = 0;
};

}  // namespace topgun::loadgen
