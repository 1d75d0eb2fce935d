// Metrics of PN counters, shared by the loops (see probe.h). Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/registry.h"

namespace topgun::gateway {

// Which limit a frame has met. A closed set: the names are metric labels.
enum class CounterLimit : uint8_t { kPerConnection, kSize, kMemory, kOverload };
inline constexpr size_t kCounterLimitCount =
    size_t{1} + static_cast<size_t>(CounterLimit::kOverload);

class CounterProbe {
 public:
  explicit CounterProbe(metrics::Registry& registry);

  void Counters(int delta) { counters_.Increment(delta); }
  void Subscriptions(int64_t delta) { subscriptions_.Increment(static_cast<double>(delta)); }
  void Bytes(int64_t delta) { bytes_.Increment(static_cast<double>(delta)); }
  void Read(bool ok) { (ok ? reads_ok_ : reads_failed_).Increment(); }
  void UpdateSent() { updates_.Increment(); }
  void TooLargeToSend() { too_large_.Increment(); }
  void Refused(CounterLimit limit) { refused_[static_cast<size_t>(limit)]->Increment(); }
  void WriteRetried() { retries_.Increment(); }
  void GivenUp() { given_up_.Increment(); }
  void Healed(size_t amounts) { healed_.Increment(static_cast<double>(amounts)); }

 private:
  prometheus::Gauge& counters_;
  prometheus::Gauge& subscriptions_;
  prometheus::Gauge& bytes_;
  prometheus::Counter& reads_ok_;
  prometheus::Counter& reads_failed_;
  prometheus::Counter& updates_;
  prometheus::Counter& too_large_;
  std::array<prometheus::Counter*, kCounterLimitCount> refused_{};
  prometheus::Counter& retries_;
  prometheus::Counter& given_up_;
  prometheus::Counter& healed_;
};

}  // namespace topgun::gateway
