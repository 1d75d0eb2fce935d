// The connect-storm scenario: clients that connect, authenticate, ask one query, get its answer and
// leave, again and again.
//
// Open loop with --conn-rate: so many begin per second, whatever has become of the earlier ones, up
// to --connections at a time. Closed loop without it: --connections clients, each of which begins
// anew when it has left. Runs on the calling thread, with its own event loop.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "client/session.h"
#include "config.h"
#include "driver/phase_log.h"
#include "driver/run_context.h"
#include "report/run_report.h"

namespace topgun::loadgen {

class ConnectStorm {
 public:
  // `interrupted` may be set by a signal handler: the run then ends early, with its report.
  // `observer` may be null.
  ConnectStorm(const Config& config, const std::atomic<bool>& interrupted,
               RunObserver* observer = nullptr);
  ~ConnectStorm();

  uint32_t id() const { return context_.run(); }
  RunReport Execute();

 private:
  class Visitor;

  void Measure(RunReport* report);
  // Begins what is due.
  void BeginDue(double elapsed_s);
  void OnCycleEnded(Visitor& visitor);
  void Expire();
  void AwaitRest();

  const Config& config_;
  const std::atomic<bool>& interrupted_;
  const RunContext context_;
  boost::asio::io_context io_{1};
  RunStats stats_;
  RunObserver* const observer_;
  PhaseLog log_;
  wire::ServerFrame decoded_;
  FleetReport fleet_;
  std::vector<std::unique_ptr<Visitor>> visitors_;
  std::vector<Visitor*> free_;
  uint64_t begun_ = 0;
  bool open_ = true;  // new cycles may begin
};

}  // namespace topgun::loadgen
