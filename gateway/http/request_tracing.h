// What the router tells whoever traces requests; this library knows nothing of traces. One thread.
#pragma once

#include <functional>
#include <memory>

#include "http/http.h"
#include "http/route.h"

namespace topgun::gateway {

// A request that is traced, from its routing to its answer. One that is never answered, because the
// loop ends before, is destroyed without Answered().
class TracedRequest {
 public:
  virtual ~TracedRequest() = default;

  // What begins within `call` is done for the request.
  virtual void Run(const std::function<void()>& call) = 0;
  virtual void Answered(int status) = 0;
};

class RequestTracing {
 public:
  virtual ~RequestTracing() = default;

  // Null: it is not traced.
  virtual std::unique_ptr<TracedRequest> Begin(const HttpRequest& request,
                                               const RouteInfo& route) = 0;
};

}  // namespace topgun::gateway
