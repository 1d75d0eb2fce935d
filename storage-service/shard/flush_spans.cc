// The spans of a flush (docs/tracing.md). Every traced commit in it has a span `persist` in its own
// trace; the flush itself is in the trace of the first one, and linked with the others.
#include <utility>

#include "shard/probe.h"
#include "state/position.h"

namespace topgun::storage {
namespace {

tracing::Span PersistSpan(tracing::Recorder& spans, const FlushTrace& flush,
                          const TracedCommit& commit, tracing::Time published) {
  tracing::Span span;
  span.context = spans.Child(commit.context);
  span.parent = commit.context.span;
  span.name = "persist";
  span.kind = tracing::Kind::kConsumer;
  span.start = commit.read;
  span.end = published;
  span.attributes = {{"topgun.shard", flush.shard}, {"topgun.position", state::ToString(flush.to)}};
  return span;
}

tracing::Span FlushSpan(tracing::Recorder& spans, const FlushTrace& flush,
                        const tracing::Context& parent) {
  tracing::Span span;
  span.context = spans.Child(parent);
  span.parent = parent.span;
  span.name = "flush";
  span.kind = tracing::Kind::kClient;
  span.start = flush.sent;
  span.end = flush.committed;
  span.attributes = {{"db.system", "postgresql"},
                     {"db.operation.name", "flush"},
                     {"db.operation.batch.size", flush.rows},
                     {"topgun.changes", flush.changes},
                     {"topgun.shard", flush.shard}};
  return span;
}

}  // namespace

void Probe::Export(const FlushTrace& trace, FlushTrace::Time published) {
  std::vector<tracing::Span> persists;
  for (const TracedCommit& commit : trace.traces) {
    persists.push_back(PersistSpan(*spans_, trace, commit, published));
  }
  tracing::Span flush = FlushSpan(*spans_, trace, persists.front().context);
  for (size_t i = 1; i < persists.size(); ++i) {
    persists[i].links.push_back(flush.context);
    flush.links.push_back(persists[i].context);
  }
  spans_->Add(std::move(flush));
  for (tracing::Span& persist : persists) spans_->Add(std::move(persist));
}

}  // namespace topgun::storage
