#include "call_span.h"

#include <iterator>
#include <optional>
#include <string>

#include "tracing/rpc_span.h"

namespace topgun::rpc {
namespace {

// Nothing when there is none, or more than one.
std::string_view ValueOf(const CallSpan::Metadata& metadata, std::string_view name) {
  const auto [first, last] = metadata.equal_range({name.data(), name.size()});
  if (first == last || std::next(first) != last) return {};
  return {first->second.data(), first->second.size()};
}

}  // namespace

std::unique_ptr<CallSpan> CallSpan::Begin(tracing::Recorder& spans, std::string_view path,
                                          const Metadata& metadata, tracing::Time start) {
  const std::string_view traceparent = ValueOf(metadata, tracing::kTraceparent);
  if (traceparent.empty()) return nullptr;
  const auto caller = tracing::ParseContext(traceparent, ValueOf(metadata, tracing::kTracestate));
  if (!caller || !caller->sampled) return nullptr;
  tracing::Span span = tracing::RpcSpan(path, tracing::Kind::kServer);
  span.context = spans.Child(*caller);
  span.parent = caller->span;
  span.start = start;
  return std::unique_ptr<CallSpan>(new CallSpan(spans, std::move(span)));
}

void CallSpan::End(grpc::StatusCode code) {
  span_.end = std::chrono::steady_clock::now();
  tracing::SetRpcCode(code, span_);
  spans_.Add(std::move(span_));
}

}  // namespace topgun::rpc
