// The frames of one connection whose operations are not all settled, oldest first, and what their
// latencies are. Times in steady nanoseconds. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "driver/op_log.h"
#include "stats/run_stats.h"

namespace topgun::loadgen {

class FramesOnTheWay {
 public:
  struct Frame {
    uint64_t first_id = 0;
    uint64_t last_id = 0;
    uint32_t ops = 0;
    std::array<uint32_t, kOpKinds> ops_by_kind{};
    int64_t planned_ns = 0;
    int64_t sent_ns = 0;  // 0: not yet

    void Count(const Op& op);
  };

  // Latencies count there; it must outlive the frames.
  explicit FramesOnTheWay(RunStats& stats) : stats_(stats) {}

  size_t size() const { return frames_.size(); }
  Frame& Add(int64_t planned_ns, int64_t sent_ns);

  // Frames up to this operation that had to wait have left now.
  void MarkSent(uint64_t last_id, int64_t now_ns);
  // Times and forgets the frames up to this operation, and all older than the log, whose operations
  // are settled now. `level`: see RunStats.
  void FinishSettled(const OpLog& log, uint64_t last_id, size_t level, int64_t now_ns);

 private:
  void Time(const Frame& frame, size_t level, int64_t now_ns);

  RunStats& stats_;
  std::deque<Frame> frames_;
};

}  // namespace topgun::loadgen
