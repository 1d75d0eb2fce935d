// Follows sampled frames, parts and watch messages of one loop: when they passed which stage. What
// is not followed costs two decrements per frame.
//
// Two readers share these points: /debug/hops keeps the newest records in memory (lib/hops), and
// what belongs to a trace becomes spans on their way to a collector (lib/tracing, docs/tracing.md).
// Everything that is traced is followed; what is only followed has no `traced`.
//
// Owned by the loop's Probe, used on the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "hops/recorder.h"
#include "tracing/recorder.h"

namespace topgun::gateway {

struct HttpRequest;
struct UpgradeRequest;

class Tracer {
 public:
  using Time = hops::Time;

  // A trace does not grow for as long as its connection lives.
  static constexpr size_t kFramesPerUpgradeMax = 250;

  // The trace that a connection belongs to, because its upgrade request said so.
  struct Upgrade {
    tracing::Context context;  // not sampled: none of its frames is traced
    size_t frames_left = kFramesPerUpgradeMax;
  };
  // A span that has not ended.
  struct Traced {
    tracing::Context context;
    uint64_t parent = 0;
    std::vector<tracing::Context> links = {};
  };
  // A frame of writes on its way to its ack.
  struct Frame {
    Time received;
    Time decoded;    // and checked
    Time submitted;  // its ops are in parts
    uint64_t ops = 0;
    std::vector<uint64_t> parts = {};  // traces of lib/hops
    uint64_t refused = 0;              // ops
    std::string_view type = {};
    std::unique_ptr<Traced> traced = {};
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
    int code = 0;  // google.rpc.Code
    std::string_view replica = {};
    const Traced* traced = nullptr;
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
    std::vector<tracing::Context> commits = {};  // that are traced
  };
  // A frame that asks for data, an ORMAP_PUSH_DIFF or an HTTP request, until it is answered.
  struct Question {
    Traced traced;
    Time received;
    std::string type;
    std::string map;
  };
  using QuestionPtr = std::shared_ptr<const Question>;

  // Follows nothing when `recorder` is null, and traces nothing when `spans` is.
  explicit Tracer(hops::Recorder* recorder, tracing::Recorder* spans = nullptr);

  // Runs a task after what the loop has in hand: by then sockets have been written.
  void set_defer(std::function<void(std::function<void()>)> defer) { defer_ = std::move(defer); }
  bool exports() const { return exports_; }

  // Null when the request carries no valid traceparent, as a header or in its query.
  std::unique_ptr<Upgrade> Upgraded(const UpgradeRequest& request, Time now);

  // The frame of a connection that is to be followed; null for all others. `previous` is what the
  // connection follows already: one at a time, unless it never got its ack.
  std::unique_ptr<Frame> Follow(Time received, Upgrade* upgrade, std::unique_ptr<Frame> previous);
  uint64_t NewTrace() { return recorder_->NewTrace(); }
  // The span of a part with ops of a traced frame.
  Traced TracePart(const Traced& frame);

  // The ack is queued.
  void FrameAcked(const Frame& frame);
  // There will be none.
  void FrameLost(const Frame& frame, std::string_view reason);
  // The result has been dealt with from `result` on.
  void PartAnswered(const Part& part, Time result);
  // Its pushes are queued.
  void EventQueued(const Event& event);

  // Null when the question is not traced.
  QuestionPtr Ask(std::string_view type, std::string_view map, Time received, Upgrade* upgrade);
  // The answer, or the ERROR in its place, is queued.
  void Answered(const Question& question, const Status& status = OkStatus());
  // An HTTP request that `route` serves: its headers say which trace it belongs to, if any.
  QuestionPtr AskHttp(const HttpRequest& request, std::string_view route);
  void HttpAnswered(const Question& question, std::string_view method, std::string_view route,
                    int status);
  // Calls and writes that begin within are made for the question.
  class Scope {
   public:
    Scope(Tracer& tracer, QuestionPtr question)
        : tracer_(tracer), outer_(std::exchange(tracer.current_, std::move(question))) {}
    ~Scope() { tracer_.current_ = std::move(outer_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Tracer& tracer_;
    QuestionPtr outer_;
  };
  const QuestionPtr& current() const { return current_; }
  // A write without a connection's ack ledger; null when it is made for no question that is traced.
  std::unique_ptr<Frame> FollowWrite(uint64_t ops);
  // `lost` of its ops may have been applied or not.
  void WriteEnded(const Frame& frame, uint64_t lost);
  Traced TraceCall(const Question& question);
  // `path` is /package.Service/Method.
  void CallEnded(const Traced& call, std::string_view path, std::string_view replica, Time start,
                 const Status& status);

  // What was not traced, but is worth a span: an ack that took longer, in seconds, ...
  double slow_seconds() const { return slow_seconds_; }
  void FrameWasSlow(Time received, const Upgrade* upgrade);
  // ... and an ERROR frame, about something that came at `received`.
  void ErrorSent(int64_t code, std::string_view message, Time received, const Upgrade* upgrade) {
    if (exports_) ExportError(code, message, received, upgrade);
  }

 private:
  // Whether the next piece of work of a connection is picked; nothing is counted yet.
  bool Picked(const Upgrade* upgrade) {
    if (upgrade != nullptr) return upgrade->context.sampled && upgrade->frames_left > 0;
    return ratio_.Due();
  }
  // Null: there are too many in this second.
  std::unique_ptr<Traced> Begin(Time now, Upgrade* upgrade);
  Traced Child(const tracing::Context& parent);
  Traced Notable(const Upgrade* upgrade);
  void ExportError(int64_t code, std::string_view message, Time received, const Upgrade* upgrade);
  void ExportPart(const Part& part, Time result);
  static tracing::Span FrameSpan(const Frame& frame);

  // Adds the record, or the span, once the sockets are written, with that time as the given stage
  // or the end.
  void AddWhenWritten(size_t kind, hops::Record record, size_t stage);
  void AddWhenWritten(tracing::Span span);

  hops::Recorder* const recorder_;
  tracing::Recorder* const spans_;
  const bool exports_;
  const double slow_seconds_;
  hops::Sampler frames_;
  tracing::RatioSampler ratio_;
  QuestionPtr current_;
  std::function<void(std::function<void()>)> defer_;
  size_t frame_kind_ = 0;
  size_t part_kind_ = 0;
  size_t event_kind_ = 0;
};

}  // namespace topgun::gateway
