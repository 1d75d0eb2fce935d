// The pauses of one connection of a closed loop: each place in its window that becomes free waits
// its think time before it is used again. Owned by a Writer; its thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "workload/random.h"
#include "workload/think_time.h"

namespace topgun::loadgen {

class Thinker {
 public:
  // `on_thought` is called once for each Think(), when its pause is over.
  Thinker(boost::asio::io_context& io, const ThinkTime& think, uint64_t seed,
          std::function<void()> on_thought);

  bool enabled() const { return think_.kind != ThinkTime::Kind::kNone; }
  size_t thinking() const { return due_ns_.size(); }

  void Think();
  void Cancel();

 private:
  void Schedule();
  void OnTimer();

  const ThinkTime think_;
  const std::function<void()> on_thought_;
  Random random_;
  boost::asio::steady_timer timer_;
  // Steady time of the ends, the next one on top. At most as many as the window has places.
  std::priority_queue<int64_t, std::vector<int64_t>, std::greater<>> due_ns_;
};

}  // namespace topgun::loadgen
