#include "tracer.h"

namespace topgun::gateway {
namespace {

using std::chrono::steady_clock;

// A followed frame that was given up has no ack; after this time another one takes its place.
constexpr std::chrono::seconds kFrameLost{5};

}  // namespace

Tracer::Tracer(hops::Recorder* recorder) : recorder_(recorder), frames_(recorder) {
  if (recorder_ == nullptr) return;
  frame_kind_ =
      recorder_->AddKind({.name = "frame",
                          .stages = {"received", "decoded", "submitted", "acked", "written"},
                          .numbers = {"ops"}});
  part_kind_ = recorder_->AddKind({.name = "part",
                                   .stages = {"started", "sent", "taken", "arrived", "result"},
                                   .numbers = {"shard", "ops", "bytes", "incarnation", "n"}});
  event_kind_ = recorder_->AddKind({.name = "event",
                                    .stages = {"arrived", "handled", "queued", "written"},
                                    .numbers = {"shard", "changes", "incarnation", "n"}});
}

std::unique_ptr<Tracer::Frame> Tracer::Follow(Time received, std::unique_ptr<Frame> previous) {
  if (!frames_.Due()) return previous;
  if (previous != nullptr && received - previous->received < kFrameLost) return previous;
  return std::make_unique<Frame>(
      Frame{.received = received, .decoded = steady_clock::now(), .submitted = {}, .parts = {}});
}

void Tracer::FrameAcked(const Frame& frame) {
  hops::Record record{.parts = frame.parts};
  record.at = {frame.received, frame.decoded, frame.submitted, steady_clock::now()};
  record.numbers = {frame.ops};
  AddWhenWritten(frame_kind_, std::move(record), 4);
}

void Tracer::PartAnswered(const Part& part, Time result) {
  hops::Record record{.trace = part.trace};
  record.at = {part.started, part.sent, part.written, part.arrived, result};
  record.numbers = {part.shard, part.ops, part.bytes, part.incarnation, part.n};
  recorder_->Add(part_kind_, std::move(record));
}

void Tracer::EventQueued(const Event& event) {
  hops::Record record{.trace = event.trace};
  record.at = {event.arrived, event.handled, steady_clock::now()};
  record.numbers = {event.shard, event.changes, event.incarnation, event.n};
  AddWhenWritten(event_kind_, std::move(record), 3);
}

void Tracer::AddWhenWritten(size_t kind, hops::Record record, size_t stage) {
  if (recorder_ == nullptr) return;
  if (!defer_) return recorder_->Add(kind, std::move(record));
  defer_([recorder = recorder_, kind, stage, record = std::move(record)]() mutable {
    record.at[stage] = steady_clock::now();
    recorder->Add(kind, std::move(record));
  });
}

}  // namespace topgun::gateway
