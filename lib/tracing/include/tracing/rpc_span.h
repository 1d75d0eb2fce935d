// Spans of gRPC calls, by the conventions of OpenTelemetry. Values; any thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "tracing/span.h"

namespace topgun::tracing {

// A span without ids and times, named after the method. `path` is /package.Service/Method.
inline Span RpcSpan(std::string_view path, Kind kind) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const size_t slash = std::min(path.find('/'), path.size());
  Span span;
  span.name = std::string(path);
  span.kind = kind;
  span.attributes = {{"rpc.system", "grpc"},
                     {"rpc.service", path.substr(0, slash)},
                     {"rpc.method", path.substr(std::min(slash + 1, path.size()))}};
  return span;
}

// `code` is a google.rpc.Code.
inline void SetRpcCode(int code, Span& span) {
  span.attributes.emplace_back("rpc.grpc.status_code", code);
  if (code != 0) span.error = "status " + std::to_string(code);
}

}  // namespace topgun::tracing
