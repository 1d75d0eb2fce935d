// Metrics of the live queries of one loop, shared by the loops (see probe.h). Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "metrics/registry.h"

namespace topgun::gateway {

// Why a query was read again that nobody waited for, or whose read was no good.
enum class ReadAgain : uint8_t { kReserve, kGroups, kExpiry, kKept };
inline constexpr size_t kReadAgainCount = size_t{1} + static_cast<size_t>(ReadAgain::kKept);

// What there was no memory for.
enum class QueryRefusal : uint8_t { kText, kRows };
inline constexpr size_t kQueryRefusalCount = size_t{1} + static_cast<size_t>(QueryRefusal::kRows);

class LiveQueryProbe {
 public:
  explicit LiveQueryProbe(metrics::Registry& registry);

  void Queries(int delta) { queries_.Increment(delta); }
  void TextBytes(int64_t delta) { Move(text_bytes_, delta); }
  void RowBytes(int64_t delta) { Move(row_bytes_, delta); }
  void Evaluated(size_t count) {
    if (count > 0) evaluations_.Increment(static_cast<double>(count));
  }
  void ReadsWaiting(int64_t delta) { Move(reads_waiting_, delta); }
  void Again(ReadAgain why) { again_[static_cast<size_t>(why)]->Increment(); }
  void Refused(QueryRefusal what) { refused_[static_cast<size_t>(what)]->Increment(); }
  void Blind(uint64_t count) {
    if (count > 0) blind_.Increment(static_cast<double>(count));
  }

 private:
  static void Move(prometheus::Gauge& gauge, int64_t delta) {
    if (delta != 0) gauge.Increment(static_cast<double>(delta));
  }

  prometheus::Gauge& queries_;
  prometheus::Gauge& text_bytes_;
  prometheus::Gauge& row_bytes_;
  prometheus::Counter& evaluations_;
  prometheus::Gauge& reads_waiting_;
  std::array<prometheus::Counter*, kReadAgainCount> again_{};
  std::array<prometheus::Counter*, kQueryRefusalCount> refused_{};
  prometheus::Counter& blind_;
};

}  // namespace topgun::gateway
