// What goes wrong with the connections of one worker, on purpose: --disconnect-rate breaks them at
// random, --offline takes each of them away for a while, again and again, while it writes into its
// log.
//
// Owned by a Worker; its thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <vector>

#include "options/faults.h"
#include "workload/random.h"

namespace topgun::loadgen {

class Writer;

// Whether connection `number` of `total` is away `elapsed` after the start. They leave one after
// the other within the first period, so that about the same share is away at any time.
bool IsAway(const OfflinePlan& plan, uint32_t number, uint32_t total,
            std::chrono::milliseconds elapsed);

class FaultDriver {
 public:
  struct Victim {
    uint32_t number = 0;  // among the `total` connections that write
    Writer* writer = nullptr;
  };

  // The writers must outlive the driver.
  FaultDriver(boost::asio::io_context& io, const FaultsConfig& faults, std::vector<Victim> victims,
              uint32_t total, uint64_t seed);

  void Start();
  // Everybody comes back.
  void Stop();

 private:
  void Schedule();
  void Tick();
  void BreakDue(std::chrono::milliseconds elapsed);
  void SendAway(std::chrono::milliseconds elapsed);

  const FaultsConfig& faults_;
  const std::vector<Victim> victims_;
  const uint32_t total_;
  boost::asio::steady_timer timer_;
  Random random_;
  std::chrono::steady_clock::time_point started_;
  uint64_t broken_ = 0;
};

}  // namespace topgun::loadgen
