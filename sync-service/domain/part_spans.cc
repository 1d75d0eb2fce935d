// The spans of a part that is traced: what became of the gateway's call, and below it the stages of
// the commit (docs/tracing.md).
#include <utility>

#include "base/status.h"
#include "domain/probe.h"
#include "tracing/rpc_span.h"

namespace topgun::sync {
namespace {

tracing::Span ServiceSpan(const PartSpans& spans, const PartTimes& times, tracing::Time end) {
  tracing::Span span = tracing::RpcSpan("/topgun.sync.v1.Sync/Apply", tracing::Kind::kServer);
  span.context = spans.service;
  span.parent = spans.caller.span;
  span.start = times.received;
  span.end = end;
  return span;
}

tracing::Span Stage(const PartSpans& spans, tracing::Context context, std::string_view name,
                    tracing::Time start, tracing::Time end) {
  tracing::Span span;
  span.context = std::move(context);
  span.parent = spans.service.span;
  span.name = std::string(name);
  span.start = start;
  span.end = end;
  return span;
}

void CallsRedis(std::string_view operation, tracing::Span& span) {
  span.kind = tracing::Kind::kClient;
  span.attributes.emplace_back("db.system", "redis");
  span.attributes.emplace_back("db.operation.name", operation);
}

}  // namespace

std::unique_ptr<const PartSpans> Probe::SpansOf(std::string_view traceparent,
                                                std::string_view tracestate) {
  const auto caller = tracing::ParseContext(traceparent, tracestate);
  if (!caller || !caller->sampled) return nullptr;
  auto spans = std::make_unique<PartSpans>();
  spans->caller = *caller;
  // A replica that exports nothing lets the next ones go on from the gateway's span.
  spans->service = spans_ == nullptr ? *caller : spans_->Child(*caller);
  spans->commit = spans_ == nullptr ? *caller : spans_->Child(spans->service);
  return spans;
}

void Probe::Export(const PartTrace& trace, PartTrace::Time answered) {
  const PartSpans& spans = *trace.spans;
  tracing::Span service = ServiceSpan(spans, trace.times, answered);
  service.attributes.emplace_back("topgun.shard", trace.shard);
  service.attributes.emplace_back("topgun.ops", trace.ops);
  spans_->Add(std::move(service));

  spans_->Add(
      Stage(spans, spans_->Child(spans.service), "queue", trace.times.received, trace.taken));
  tracing::Time merge_start = trace.taken;
  if (trace.read != tracing::Time()) {
    tracing::Span read =
        Stage(spans, spans_->Child(spans.service), "HMGET cells", trace.taken, trace.read);
    CallsRedis("HMGET", read);
    spans_->Add(std::move(read));
    merge_start = trace.read;
  }
  tracing::Span merge =
      Stage(spans, spans_->Child(spans.service), "merge", merge_start, trace.sent);
  merge.attributes = {{"topgun.batch.ops", trace.batch_ops}};
  spans_->Add(std::move(merge));

  tracing::Span commit = Stage(spans, spans.commit, "commit to Redis", trace.sent, trace.replied);
  CallsRedis("EVALSHA", commit);
  commit.attributes.emplace_back("topgun.shard", trace.shard);
  commit.attributes.emplace_back("topgun.position", state::ToString(trace.position));
  commit.attributes.emplace_back("topgun.batch.cells", trace.batch_cells);
  commit.attributes.emplace_back("topgun.commit.tries", trace.tries);
  spans_->Add(std::move(commit));
}

void Probe::PartFailed(const WritePart& part, const Status& status) {
  if (spans_ == nullptr || part.spans == nullptr) return;
  tracing::Span service = ServiceSpan(*part.spans, part.times, std::chrono::steady_clock::now());
  service.error = std::string(Message(status));
  spans_->Add(std::move(service));
}

}  // namespace topgun::sync
