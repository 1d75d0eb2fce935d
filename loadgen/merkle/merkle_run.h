// The merkle scenarios: fill a map through normal writes, then let clients sync it (core.md 7).
//
// merkle-current: the clients have everything; merkle-delta: they lack --behind keys; merkle-cold:
// they have nothing. The first sync, by an empty client, gives the others their state and proves
// that the server's tree is the client's. Runs on the calling thread, with its own event loop: a
// sync is timed from end to end, and clients on further threads would only wait for each other.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <vector>

#include "config.h"
#include "driver/phase_log.h"
#include "driver/run_context.h"
#include "merkle/merkle_client.h"
#include "report/run_report.h"

namespace topgun::loadgen {

class MerkleRun {
 public:
  // `interrupted` may be set by a signal handler: the run then ends early, with its report.
  // `observer` may be null.
  MerkleRun(const Config& config, const std::atomic<bool>& interrupted,
            RunObserver* observer = nullptr);

  uint32_t id() const { return context_.run(); }
  RunReport Execute();

 private:
  bool Preload(RunReport* report);
  bool SyncFirst(RunReport* report);
  void MakeClients();
  bool ConnectAll(RunReport* report);
  void Measure(RunReport* report);

  // Runs the event loop until `until` holds, and collects what is counted. False after the timeout
  // or an interrupt.
  template <typename Condition>
  bool RunUntil(Condition until, std::chrono::milliseconds timeout);
  void Turn();
  void Say(const std::string& line) const;

  const Config& config_;
  const std::atomic<bool>& interrupted_;
  const RunContext context_;
  boost::asio::io_context io_{1};
  RunStats stats_;
  RunObserver* const observer_;
  PhaseLog log_;
  wire::ServerFrame decoded_;
  MerkleReport merkle_;
  std::unique_ptr<MerkleClient> first_;
  std::vector<std::unique_ptr<MerkleClient>> clients_;
  size_t done_ = 0;
};

}  // namespace topgun::loadgen
