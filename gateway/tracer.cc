#include "tracer.h"

#include <limits>

namespace topgun::gateway {
namespace {

using std::chrono::steady_clock;

// A followed frame that was given up has no ack; after this time another one takes its place.
constexpr std::chrono::seconds kFrameLost{5};

}  // namespace

Tracer::Tracer(hops::Recorder* recorder, tracing::Recorder* spans)
    : recorder_(recorder),
      spans_(spans),
      exports_(recorder != nullptr && spans != nullptr && spans->enabled()),
      slow_seconds_(exports_ ? spans->slow_seconds() : std::numeric_limits<double>::infinity()),
      frames_(recorder),
      ratio_(exports_ ? spans->sample_ratio() : 0) {
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

std::unique_ptr<Tracer::Frame> Tracer::Follow(Time received, Upgrade* upgrade,
                                              std::unique_ptr<Frame> previous) {
  const bool due = frames_.Due();
  const bool picked = Picked(upgrade);
  if (!due && !picked) return previous;
  const bool busy = previous != nullptr && received - previous->received < kFrameLost;
  if (busy && (!picked || previous->traced != nullptr)) return previous;
  std::unique_ptr<Traced> traced = picked ? Begin(received, upgrade) : nullptr;
  if (traced == nullptr && (busy || !due)) return previous;
  if (previous != nullptr) FrameLost(*previous, "no acknowledgement so far");
  auto frame = std::make_unique<Frame>(
      Frame{.received = received, .decoded = steady_clock::now(), .submitted = {}});
  frame->traced = std::move(traced);
  return frame;
}

void Tracer::FrameAcked(const Frame& frame) {
  hops::Record record{.parts = frame.parts};
  record.at = {frame.received, frame.decoded, frame.submitted, steady_clock::now()};
  record.numbers = {frame.ops};
  AddWhenWritten(frame_kind_, std::move(record), 4);
  if (frame.traced != nullptr) AddWhenWritten(FrameSpan(frame));
}

void Tracer::PartAnswered(const Part& part, Time result) {
  hops::Record record{.trace = part.trace};
  record.at = {part.started, part.sent, part.written, part.arrived, result};
  record.numbers = {part.shard, part.ops, part.bytes, part.incarnation, part.n};
  recorder_->Add(part_kind_, std::move(record));
  if (part.traced != nullptr) ExportPart(part, result);
}

void Tracer::AddWhenWritten(size_t kind, hops::Record record, size_t stage) {
  if (recorder_ == nullptr) return;
  if (!defer_) return recorder_->Add(kind, std::move(record));
  defer_([recorder = recorder_, kind, stage, record = std::move(record)]() mutable {
    record.at[stage] = steady_clock::now();
    recorder->Add(kind, std::move(record));
  });
}

void Tracer::AddWhenWritten(tracing::Span span) {
  span.end = steady_clock::now();
  if (!defer_) return spans_->Add(std::move(span));
  defer_([spans = spans_, span = std::move(span)]() mutable {
    span.end = steady_clock::now();
    spans->Add(std::move(span));
  });
}

}  // namespace topgun::gateway
