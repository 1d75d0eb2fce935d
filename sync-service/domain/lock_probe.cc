#include "domain/lock_probe.h"

namespace topgun::sync {

namespace {

constexpr std::array<const char*, kLockResultCount> kLockResultNames = {
    "granted", "extended", "expired", "left", "refused", "failed"};
constexpr std::array<const char*, kReleaseResultCount> kReleaseResultNames = {"released",
                                                                              "not_held", "failed"};

}  // namespace

LockProbe::LockProbe(metrics::Registry& registry)
    : asks_(registry.AddCounter("sync_lock_asks_total",
                                "Times Redis was asked for a lock, by the first in its line.")),
      taken_back_(
          registry.AddCounter("sync_lock_grants_taken_back_total",
                              "Grants released at once because their caller had gone meanwhile.")),
      waiters_(registry.AddGauge("sync_lock_waiters", "Requests for locks that wait.")),
      wait_seconds_(registry.AddHistogram("sync_lock_wait_seconds",
                                          "From a request for a lock to its grant.",
                                          metrics::kLatencySeconds)),
      line_length_(registry.AddHistogram("sync_lock_line_length",
                                         "Requests in the line of a lock that another one joins, "
                                         "itself included.",
                                         metrics::kBatchSizes)) {
  for (size_t i = 0; i < requests_.size(); ++i) {
    requests_[i] = &registry.AddCounter("sync_lock_requests_total",
                                        "Requests for locks, by what became of them.",
                                        {{"result", kLockResultNames[i]}});
  }
  for (size_t i = 0; i < releases_.size(); ++i) {
    releases_[i] = &registry.AddCounter("sync_lock_releases_total", "Releases of locks, by result.",
                                        {{"result", kReleaseResultNames[i]}});
  }
}

}  // namespace topgun::sync
