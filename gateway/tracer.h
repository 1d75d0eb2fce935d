// Follows sampled frames, parts and watch messages of one loop (lib/hops): when they passed which
// stage. What is not followed costs a decrement per frame.
//
// Owned by the loop's Probe, used on the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "hops/recorder.h"

namespace topgun::gateway {

class Tracer {
 public:
  using Time = hops::Time;

  // A frame of writes on its way to its ack.
  struct Frame {
    Time received;
    Time decoded;    // and checked
    Time submitted;  // its ops are in parts
    uint64_t ops = 0;
    std::vector<uint64_t> parts = {};  // traces
  };
  // A part's way to its result.
  struct Part {
    uint64_t trace = 0;
    Time started;  // with its first op
    Time sent;
    Time written;  // taken by gRPC
    Time arrived;  // the result, on gRPC's thread
    uint64_t shard = 0;
    uint64_t ops = 0;
    uint64_t bytes = 0;
    uint64_t incarnation = 0;
    uint64_t n = 0;
  };
  // Changes of one commit on their way to the connections.
  struct Event {
    uint64_t trace = 0;
    Time arrived;  // on gRPC's thread
    Time handled;
    uint64_t shard = 0;
    uint64_t changes = 0;
    uint64_t incarnation = 0;
    uint64_t n = 0;
  };

  // Follows nothing when `recorder` is null.
  explicit Tracer(hops::Recorder* recorder);

  // Runs a task after what the loop has in hand: by then sockets have been written.
  void set_defer(std::function<void(std::function<void()>)> defer) { defer_ = std::move(defer); }

  // The frame of a connection that is to be followed; null for all others. `previous` is what the
  // connection follows already: one at a time, unless it never got its ack.
  std::unique_ptr<Frame> Follow(Time received, std::unique_ptr<Frame> previous);
  uint64_t NewTrace() { return recorder_->NewTrace(); }

  // The ack is queued.
  void FrameAcked(const Frame& frame);
  // The result has been dealt with from `result` on.
  void PartAnswered(const Part& part, Time result);
  // Its pushes are queued.
  void EventQueued(const Event& event);

 private:
  // Adds the record once the sockets are written, with that time as the given stage.
  void AddWhenWritten(size_t kind, hops::Record record, size_t stage);

  hops::Recorder* const recorder_;
  hops::Sampler frames_;
  std::function<void(std::function<void()>)> defer_;
  size_t frame_kind_ = 0;
  size_t part_kind_ = 0;
  size_t event_kind_ = 0;
};

}  // namespace topgun::gateway
