#include "lock_probe.h"

#include <string>

namespace topgun::gateway {
namespace {

constexpr std::array<const char*, kLockFateCount> kLockFateNames = {"granted", "expired", "late",
                                                                    "left",    "refused", "failed"};
constexpr std::array<const char*, kReleaseFateCount> kReleaseFateNames = {"released", "not_held",
                                                                          "failed"};

prometheus::Counter& GivenBackCounter(metrics::Registry& registry, std::string result) {
  return registry.AddCounter("gateway_locks_given_back_total",
                             "Locks given back for clients that have left or stopped waiting, by "
                             "whether the cluster could be told.",
                             {{"result", std::move(result)}});
}

}  // namespace

LockProbe::LockProbe(metrics::Registry& registry, size_t loop)
    : given_back_(GivenBackCounter(registry, "ok")),
      not_given_back_(GivenBackCounter(registry, "failed")),
      waiting_(registry.AddGauge("gateway_lock_requests_waiting",
                                 "Requests for locks that are not answered yet.")),
      held_(registry.AddGauge("gateway_locks_held", "Locks that clients hold.")),
      wait_seconds_(registry.AddHistogram(
          "gateway_lock_wait_seconds", "From a request for a lock to its grant.",
          metrics::kLatencySeconds, {{"loop", std::to_string(loop)}})) {
  for (size_t i = 0; i < requests_.size(); ++i) {
    requests_[i] = &registry.AddCounter("gateway_lock_requests_total",
                                        "Requests for locks, by what became of them.",
                                        {{"result", kLockFateNames[i]}});
  }
  for (size_t i = 0; i < releases_.size(); ++i) {
    releases_[i] = &registry.AddCounter("gateway_lock_releases_total",
                                        "Releases of locks by clients, by result.",
                                        {{"result", kReleaseFateNames[i]}});
  }
}

}  // namespace topgun::gateway
