// The span of one call as the server sees it. Private to this library; one thread at a time.
#pragma once

#include <grpcpp/support/status.h>
#include <grpcpp/support/string_ref.h>

#include <map>
#include <memory>
#include <string_view>
#include <utility>

#include "tracing/recorder.h"

namespace topgun::rpc {

class CallSpan {
 public:
  using Metadata = std::multimap<grpc::string_ref, grpc::string_ref>;

  // Null when the caller does not trace the call. `path` is /package.Service/Method.
  static std::unique_ptr<CallSpan> Begin(tracing::Recorder& spans, std::string_view path,
                                         const Metadata& metadata, tracing::Time start);

  void End(grpc::StatusCode code);

 private:
  CallSpan(tracing::Recorder& spans, tracing::Span span) : spans_(spans), span_(std::move(span)) {}

  tracing::Recorder& spans_;
  tracing::Span span_;
};

}  // namespace topgun::rpc
