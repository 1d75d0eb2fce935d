#include "driver/fault_driver.h"

#include <boost/asio/io_context.hpp>
#include <utility>

#include "driver/writer.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTick{20};

}  // namespace

bool IsAway(const OfflinePlan& plan, uint32_t number, uint32_t total, milliseconds elapsed) {
  const int64_t turn_ms = plan.every.count() * number / total;
  if (plan.away.count() == 0 || elapsed.count() < turn_ms) return false;
  return (elapsed.count() - turn_ms) % plan.every.count() < plan.away.count();
}

FaultDriver::FaultDriver(boost::asio::io_context& io, const FaultsConfig& faults,
                         std::vector<Victim> victims, uint32_t total, uint64_t seed)
    : faults_(faults), victims_(std::move(victims)), total_(total), timer_(io), random_(seed) {}

void FaultDriver::Start() {
  started_ = steady_clock::now();
  if (faults_.disconnect_rate > 0 || faults_.offline.away.count() > 0) Schedule();
}

void FaultDriver::Stop() {
  timer_.cancel();
  for (const Victim& victim : victims_) victim.writer->ComeBack();
}

void FaultDriver::Schedule() {
  timer_.expires_after(kTick);
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) Tick();
  });
}

void FaultDriver::Tick() {
  const auto elapsed = std::chrono::duration_cast<milliseconds>(steady_clock::now() - started_);
  BreakDue(elapsed);
  SendAway(elapsed);
  Schedule();
}

// This worker breaks its share of the connections per second.
void FaultDriver::BreakDue(milliseconds elapsed) {
  const double share = static_cast<double>(victims_.size()) / total_;
  const auto due = static_cast<uint64_t>(faults_.disconnect_rate * share *
                                         static_cast<double>(elapsed.count()) / 1e3);
  for (; broken_ < due; ++broken_) victims_[random_.Below(victims_.size())].writer->Break();
}

void FaultDriver::SendAway(milliseconds elapsed) {
  for (const Victim& victim : victims_) {
    if (IsAway(faults_.offline, victim.number, total_, elapsed)) {
      victim.writer->GoAway();
    } else {
      victim.writer->ComeBack();
    }
  }
}

}  // namespace topgun::loadgen
