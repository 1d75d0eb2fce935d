// Metrics of full-text search. One per loop: counters and gauges are shared, the histogram has the
// loop as a label. Outlived by the registry; used on the loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/registry.h"

namespace topgun::gateway {

// How a SEARCH was answered.
enum class SearchResult : uint8_t { kOk, kRefused, kDenied, kFailed };
inline constexpr size_t kSearchResultCount = size_t{1} + static_cast<size_t>(SearchResult::kFailed);

// Why a live search sent its results anew.
enum class SearchReset : uint8_t { kGap, kFailed, kTooManyKeys, kExpiry, kAllowed };
inline constexpr size_t kSearchResetCount = size_t{1} + static_cast<size_t>(SearchReset::kAllowed);

class SearchProbe {
 public:
  SearchProbe(metrics::Registry& registry, size_t loop);

  void Answered(SearchResult result) { answers_[static_cast<size_t>(result)]->Increment(); }
  void Took(double seconds) { seconds_.Observe(seconds); }
  void Waiting(int64_t delta) { waiting_.Increment(static_cast<double>(delta)); }
  void Called() { calls_.Increment(); }
  void Live(int64_t delta) { live_.Increment(static_cast<double>(delta)); }
  void LiveRefused() { live_refused_.Increment(); }
  void KnownKeys(int64_t delta) { known_keys_.Increment(static_cast<double>(delta)); }
  void Scored(size_t keys) { scored_.Increment(static_cast<double>(keys)); }
  void Updated(size_t updates) { updates_.Increment(static_cast<double>(updates)); }
  void Reset(SearchReset why) { resets_[static_cast<size_t>(why)]->Increment(); }

 private:
  std::array<prometheus::Counter*, kSearchResultCount> answers_{};
  prometheus::Histogram& seconds_;
  prometheus::Gauge& waiting_;
  prometheus::Counter& calls_;
  prometheus::Gauge& live_;
  prometheus::Counter& live_refused_;
  prometheus::Gauge& known_keys_;
  prometheus::Counter& scored_;
  prometheus::Counter& updates_;
  std::array<prometheus::Counter*, kSearchResetCount> resets_{};
};

}  // namespace topgun::gateway
