#include "driver/frames_on_the_way.h"

namespace topgun::loadgen {

void FramesOnTheWay::Frame::Count(const Op& op) {
  if (ops == 0) first_id = op.id;
  last_id = op.id;
  ++ops;
  ++ops_by_kind[static_cast<size_t>(op.kind)];
}

FramesOnTheWay::Frame& FramesOnTheWay::Add(int64_t planned_ns, int64_t sent_ns) {
  Frame& frame = frames_.emplace_back();
  frame.planned_ns = planned_ns;
  frame.sent_ns = sent_ns;
  return frame;
}

void FramesOnTheWay::MarkSent(uint64_t last_id, int64_t now_ns) {
  for (Frame& frame : frames_) {
    if (frame.last_id > last_id) return;
    if (frame.sent_ns == 0) frame.sent_ns = now_ns;
  }
}

// A frame that was overtaken stays at the front while those behind it are done.
void FramesOnTheWay::FinishSettled(const OpLog& log, uint64_t last_id, size_t level,
                                   int64_t now_ns) {
  const uint64_t settled_below = log.first_id();
  for (auto frame = frames_.begin(); frame != frames_.end();) {
    const bool gone = frame->last_id < settled_below;
    if (!gone && frame->last_id > last_id) return;
    if (gone || log.AllSettled(frame->first_id, frame->last_id)) {
      Time(*frame, level, now_ns);
      frame = frames_.erase(frame);
    } else {
      ++frame;
    }
  }
}

void FramesOnTheWay::Time(const Frame& frame, size_t level, int64_t now_ns) {
  const int64_t planned_ns = now_ns - frame.planned_ns;
  const int64_t sent_ns = now_ns - frame.sent_ns;
  stats_.ack_latency.Record(planned_ns, frame.ops);
  stats_.ack_latency_sent.Record(sent_ns, frame.ops);
  stats_.ack_by_level[level].Record(planned_ns, frame.ops);
  for (size_t kind = 0; kind < kOpKinds; ++kind) {
    stats_.ack_by_kind[kind].Record(planned_ns, frame.ops_by_kind[kind]);
    stats_.ack_sent_by_kind[kind].Record(sent_ns, frame.ops_by_kind[kind]);
  }
}

}  // namespace topgun::loadgen
