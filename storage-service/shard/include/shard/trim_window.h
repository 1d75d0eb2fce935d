// Decides how much of a feed may be trimmed: what Postgres has and no watcher should need any more.
//
// Entries younger than `age` are kept for watchers that resume after a restart, unless they are
// more than `bytes_max`. Works on samples of (position, bytes, time), thinned so that there are
// never more than about 130. Value; not thread-safe.
#pragma once

#include <cstdint>
#include <deque>

#include "state/position.h"

namespace topgun::storage {

class TrimWindow {
 public:
  TrimWindow(int64_t age_ms, uint64_t bytes_max) : age_ms_(age_ms), bytes_max_(bytes_max) {}

  // Postgres has the feed up to `position` and `bytes`.
  void Persisted(state::Position position, uint64_t bytes, int64_t now_ms);
  // Entries below the result may go; 0-0: none. Never above what Postgres has.
  state::Position Boundary(int64_t now_ms);

 private:
  struct Sample {
    state::Position position;
    uint64_t bytes;
    int64_t ms;
  };

  const int64_t age_ms_;
  const uint64_t bytes_max_;
  std::deque<Sample> samples_;
  Sample latest_{};
  state::Position boundary_;
};

}  // namespace topgun::storage
