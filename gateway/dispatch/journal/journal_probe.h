// Metrics of the journal. One probe per loop; all share the counters. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "metrics/registry.h"

namespace topgun::gateway {

class JournalProbe {
 public:
  explicit JournalProbe(metrics::Registry& registry);

  void Subscriptions(int delta) { subscriptions_.Increment(delta); }
  void Refused() { refused_.Increment(); }
  // An event was sent, or lost because the client reads too slowly.
  void Pushed(bool queued) { (queued ? pushed_ : lost_).Increment(); }
  void Replayed(size_t count) { Add(replayed_, count); }
  void Read(size_t count) { Add(read_, count); }
  void Late() { late_.Increment(); }
  void Held(int64_t delta_bytes) { held_bytes_.Increment(static_cast<double>(delta_bytes)); }
  void Overfull() { overfull_.Increment(); }
  void GapHealed() { gaps_healed_.Increment(); }
  void GapLost() { gaps_lost_.Increment(); }
  void ReplayRestarted() { replays_restarted_.Increment(); }
  void Answered(bool ok) { (ok ? answered_ : failed_).Increment(); }

 private:
  static void Add(prometheus::Counter& counter, size_t count) {
    if (count > 0) counter.Increment(static_cast<double>(count));
  }

  prometheus::Gauge& subscriptions_;
  prometheus::Counter& refused_;
  prometheus::Counter& pushed_;
  prometheus::Counter& lost_;
  prometheus::Counter& replayed_;
  prometheus::Counter& read_;
  prometheus::Counter& late_;
  prometheus::Gauge& held_bytes_;
  prometheus::Counter& overfull_;
  prometheus::Counter& gaps_healed_;
  prometheus::Counter& gaps_lost_;
  prometheus::Counter& replays_restarted_;
  prometheus::Counter& answered_;
  prometheus::Counter& failed_;
};

}  // namespace topgun::gateway
