// The half of the tracer that makes spans (docs/tracing.md).
#include <algorithm>
#include <optional>

#include "http/http.h"
#include "tracer.h"
#include "tracing/rpc_span.h"
#include "ws/session.h"

namespace topgun::gateway {
namespace {

using std::chrono::steady_clock;

tracing::Span Begun(const Tracer::Traced& traced, std::string_view name, tracing::Kind kind,
                    tracing::Time start) {
  tracing::Span span;
  span.context = traced.context;
  span.parent = traced.parent;
  span.links = traced.links;
  span.name = std::string(name);
  span.kind = kind;
  span.start = start;
  return span;
}

std::string_view PathOf(std::string_view target) { return target.substr(0, target.find('?')); }

// A browser cannot add headers to a WebSocket's request.
std::string_view TraceparentInQuery(std::string_view target) {
  std::string_view query = target.substr(std::min(PathOf(target).size() + 1, target.size()));
  while (!query.empty()) {
    std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (!pair.starts_with(tracing::kTraceparent)) continue;
    pair.remove_prefix(tracing::kTraceparent.size());
    if (pair.starts_with('=')) return pair.substr(1);
  }
  return {};
}

}  // namespace

// ---- Where traces begin ----

std::unique_ptr<Tracer::Upgrade> Tracer::Upgraded(const UpgradeRequest& request, Time now) {
  if (!exports_) return nullptr;
  std::optional<tracing::Context> caller =
      request.traceparent.empty() ? tracing::ParseContext(TraceparentInQuery(request.target), {})
                                  : tracing::ParseContext(request.traceparent, request.tracestate);
  if (!caller) return nullptr;
  auto upgrade = std::make_unique<Upgrade>(Upgrade{.context = *std::move(caller)});
  // Without a span of its own its frames are the caller's children.
  if (!upgrade->context.sampled || !spans_->Admit(now)) return upgrade;
  const Traced traced = Child(upgrade->context);
  tracing::Span span = Begun(traced, "GET " + std::string(PathOf(request.target)),
                             tracing::Kind::kServer, request.received);
  span.end = now;
  span.attributes = {{"http.request.method", "GET"},
                     {"http.response.status_code", 101},
                     {"url.path", PathOf(request.target)},
                     {"network.protocol.name", "websocket"}};
  spans_->Add(std::move(span));
  upgrade->context = traced.context;
  return upgrade;
}

std::unique_ptr<Tracer::Traced> Tracer::Begin(Time now, Upgrade* upgrade) {
  if (!exports_ || !spans_->Admit(now)) return nullptr;
  if (upgrade == nullptr) return std::make_unique<Traced>(Traced{.context = spans_->NewTrace()});
  --upgrade->frames_left;
  return std::make_unique<Traced>(Child(upgrade->context));
}

Tracer::Traced Tracer::Child(const tracing::Context& parent) {
  return {.context = spans_->Child(parent), .parent = parent.span};
}

Tracer::Traced Tracer::TracePart(const Traced& frame) { return Child(frame.context); }

// ---- Writes ----

tracing::Span Tracer::FrameSpan(const Frame& frame) {
  tracing::Span span = Begun(*frame.traced, frame.type, tracing::Kind::kServer, frame.received);
  span.attributes = {{"topgun.ops", frame.ops}, {"topgun.refused", frame.refused}};
  if (frame.refused > 0) span.error = "some operations were refused";
  return span;
}

void Tracer::FrameLost(const Frame& frame, std::string_view reason) {
  if (frame.traced == nullptr) return;
  tracing::Span span = FrameSpan(frame);
  span.end = steady_clock::now();
  span.error = std::string(reason);
  spans_->Add(std::move(span));
}

void Tracer::ExportPart(const Part& part, Time result) {
  // Sent again under the same id: the span is that of the attempt that counts.
  if (part.code == static_cast<int>(StatusCode::kUnavailable)) return;
  const Traced& traced = *part.traced;
  Traced lane{.context = traced.context, .parent = traced.parent};
  lane.context = spans_->Child(traced.context);
  tracing::Span wait = Begun(lane, "lane", tracing::Kind::kInternal, part.started);
  wait.end = part.sent;
  spans_->Add(std::move(wait));

  tracing::Span call = tracing::RpcSpan("/topgun.sync.v1.Sync/Apply", tracing::Kind::kClient);
  call.context = traced.context;
  call.parent = traced.parent;
  call.start = part.sent;
  call.end = result;
  tracing::SetRpcCode(part.code, call);
  call.attributes.emplace_back("server.address", part.replica);
  call.attributes.emplace_back("topgun.shard", part.shard);
  call.attributes.emplace_back("topgun.ops", part.ops);
  call.attributes.emplace_back("topgun.bytes", part.bytes);
  spans_->Add(std::move(call));
}

// ---- Changes ----

void Tracer::EventQueued(const Event& event) {
  if (event.trace != 0) {
    hops::Record record{.trace = event.trace};
    record.at = {event.arrived, event.handled, steady_clock::now()};
    record.numbers = {event.shard, event.changes, event.incarnation, event.n};
    AddWhenWritten(event_kind_, std::move(record), 3);
  }
  if (!exports_) return;
  for (const tracing::Context& commit : event.commits) {
    tracing::Span span = Begun(Child(commit), "deliver", tracing::Kind::kConsumer, event.arrived);
    span.attributes = {
        {"topgun.shard", event.shard},
        {"topgun.changes", event.changes},
        {"topgun.position", std::to_string(event.incarnation) + "-" + std::to_string(event.n)}};
    AddWhenWritten(std::move(span));
  }
}

// ---- Questions ----

Tracer::QuestionPtr Tracer::Ask(std::string_view type, std::string_view map, Time received,
                                Upgrade* upgrade) {
  if (!Picked(upgrade)) return nullptr;
  const std::unique_ptr<Traced> traced = Begin(received, upgrade);
  if (traced == nullptr) return nullptr;
  return std::make_shared<const Question>(Question{
      .traced = *traced, .received = received, .type = std::string(type), .map = std::string(map)});
}

void Tracer::Answered(const Question& question, const Status& status) {
  tracing::Span span =
      Begun(question.traced, question.type, tracing::Kind::kServer, question.received);
  span.attributes = {{"topgun.map", question.map}};
  if (!status.ok()) span.error = std::string(Message(status));
  AddWhenWritten(std::move(span));
}

Tracer::QuestionPtr Tracer::AskHttp(const HttpRequest& request, std::string_view route) {
  if (!exports_) return nullptr;
  // A request is like a connection with one frame.
  std::optional<Upgrade> upgrade;
  if (auto caller = tracing::ParseContext(request.Header(tracing::kTraceparent),
                                          request.Header(tracing::kTracestate))) {
    upgrade.emplace(Upgrade{.context = *std::move(caller)});
  }
  std::string name(request.method);
  return Ask(name.append(" ").append(route), {}, steady_clock::now(),
             upgrade ? &*upgrade : nullptr);
}

void Tracer::HttpAnswered(const Question& question, std::string_view method, std::string_view route,
                          int status) {
  tracing::Span span =
      Begun(question.traced, question.type, tracing::Kind::kServer, question.received);
  span.attributes = {{"http.request.method", method},
                     {"http.route", route},
                     {"http.response.status_code", status}};
  // 4xx are mistakes of the client.
  if (status >= 500) span.error = "status " + std::to_string(status);
  AddWhenWritten(std::move(span));
}

std::unique_ptr<Tracer::Frame> Tracer::FollowWrite(uint64_t ops) {
  if (current_ == nullptr) return nullptr;
  const Time now = steady_clock::now();
  auto frame = std::make_unique<Frame>(
      Frame{.received = now, .decoded = now, .submitted = now, .ops = ops, .type = "write"});
  frame->traced = std::make_unique<Traced>(Child(current_->traced.context));
  return frame;
}

void Tracer::WriteEnded(const Frame& frame, uint64_t lost) {
  tracing::Span span = Begun(*frame.traced, frame.type, tracing::Kind::kInternal, frame.received);
  span.end = steady_clock::now();
  span.attributes = {{"topgun.ops", frame.ops}};
  if (lost > 0) span.error = "some operations were not confirmed";
  spans_->Add(std::move(span));
}

Tracer::Traced Tracer::TraceCall(const Question& question) {
  return Child(question.traced.context);
}

void Tracer::CallEnded(const Traced& call, std::string_view path, std::string_view replica,
                       Time start, const Status& status) {
  tracing::Span span = tracing::RpcSpan(path, tracing::Kind::kClient);
  span.context = call.context;
  span.parent = call.parent;
  span.start = start;
  span.end = steady_clock::now();
  tracing::SetRpcCode(static_cast<int>(status.code()), span);
  if (!status.ok()) span.error = std::string(Message(status));
  span.attributes.emplace_back("server.address", replica);
  spans_->Add(std::move(span));
}

// ---- What was not traced ----

Tracer::Traced Tracer::Notable(const Upgrade* upgrade) {
  if (upgrade != nullptr && upgrade->context.sampled) return Child(upgrade->context);
  return {.context = spans_->NewTrace()};
}

void Tracer::FrameWasSlow(Time received, const Upgrade* upgrade) {
  const Time now = steady_clock::now();
  if (!exports_ || !spans_->AdmitNotable(now)) return;
  tracing::Span span = Begun(Notable(upgrade), "slow write", tracing::Kind::kServer, received);
  span.end = now;
  span.attributes = {{"topgun.slow", true}};
  spans_->Add(std::move(span));
}

void Tracer::ExportError(int64_t code, std::string_view message, Time received,
                         const Upgrade* upgrade) {
  const Time now = steady_clock::now();
  if (!spans_->AdmitNotable(now)) return;
  tracing::Span span = Begun(Notable(upgrade), "ERROR", tracing::Kind::kServer, received);
  span.end = now;
  span.attributes = {{"error.type", std::to_string(code)}};
  span.error = std::string(message);
  spans_->Add(std::move(span));
}

}  // namespace topgun::gateway
