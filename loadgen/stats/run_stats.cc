#include "stats/run_stats.h"

#include <vector>

namespace topgun::loadgen {

void RunStats::Merge(const RunStats& other) {
  std::vector<uint64_t> counters;
  ForEachCounter(other, [&](const auto&, uint64_t value) { counters.push_back(value); });
  size_t next = 0;
  ForEachCounter(*this, [&](const auto&, uint64_t& value) { value += counters[next++]; });

  std::vector<const Histogram*> histograms;
  ForEachHistogram(other,
                   [&](const auto&, const Histogram& value) { histograms.push_back(&value); });
  next = 0;
  ForEachHistogram(*this, [&](const auto&, Histogram& value) { value.Merge(*histograms[next++]); });

  for (const auto& [code, frames] : other.errors) errors[code] += frames;
  for (const auto& [reason, times] : other.close_reasons) close_reasons[reason] += times;
  if (!other.last_error.empty()) last_error = other.last_error;
}

void RunStats::CountCloseReason(const std::string& reason) {
  constexpr size_t kReasonsMax = 32;  // whoever makes up new ones must not fill our memory
  const bool known = close_reasons.contains(reason);
  ++close_reasons[known || close_reasons.size() < kReasonsMax ? reason : "other"];
}

uint64_t RunStats::ErrorCount() const {
  uint64_t count = 0;
  for (const auto& [code, frames] : errors) count += frames;
  return count;
}

}  // namespace topgun::loadgen
