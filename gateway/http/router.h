// The HTTP endpoints of one loop (core.md 9.2): finds the one that a request is for, and gives
// every answer what all have in common - an `x-request-id`, the headers for pages of other origins,
// JSON for errors, metrics, a time limit.
//
// Unknown paths are answered with 404, unknown methods with 405 and `allow`. HEAD is answered like
// GET; whoever sends the answer leaves the body out. A request that is not answered within the
// patience is answered with 504, and one too many at a time with 503.
//
// Owned by the loop; one thread. Routes are added before the first request.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/http.h"
#include "http/http_probe.h"
#include "http/request_origin.h"
#include "http/request_tracing.h"
#include "http/route.h"
#include "metrics/registry.h"

namespace topgun::gateway {

struct RouterOptions {
  std::vector<std::string> cors_origins = {};  // that may read answers; "*": any, no credentials
  bool trusted_proxy = false;                  // X-Forwarded-For tells the client's address
  std::chrono::milliseconds patience{30'000};  // with an endpoint
  size_t in_flight_max = 1'024;
};

class Router final : public HttpHandler {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Answers through `respond`, exactly once, now or in a later turn of the loop.
  using Endpoint = std::function<void(const RoutedRequest& request, Respond respond)>;

  Router(RouterOptions options, metrics::Registry& registry, size_t loop);

  // Without, no request is traced.
  void set_tracing(RequestTracing& tracing) { tracing_ = &tracing; }

  void Add(RouteInfo info, Endpoint endpoint);
  // In the order of adding.
  std::vector<const RouteInfo*> routes() const;

  void Handle(const HttpRequest& request, Respond respond) override;
  HttpResponse Refuse(const HttpRequest& request, int status, std::string_view message) override;

  // Answers what has waited too long.
  void Tick(Time now);
  size_t in_flight() const { return in_flight_.size(); }
  // Of all loops; any thread.
  uint64_t in_flight_of_process() const { return probe_.in_flight(); }

 private:
  struct Route {
    RouteInfo info;
    PathPattern pattern;
    Endpoint endpoint;
  };
  // What is known of a request until it is answered.
  struct Exchange {
    Respond respond;
    std::string route;    // metric label
    HttpHeaders headers;  // that the answer gets
    Time started;
    std::shared_ptr<TracedRequest> traced = {};  // null: it is not
  };

  // The route with the most literals that matches path and method; null: see `methods`, which
  // lists what the path can do.
  const Route* Find(const HttpRequest& request, PathPattern::Parameters* parameters,
                    std::string* methods) const;
  HttpResponse AnswerUnrouted(const HttpRequest& request, const std::string& methods) const;
  HttpHeaders CommonHeaders(const HttpRequest& request);
  std::shared_ptr<TracedRequest> Trace(const HttpRequest& request, const Route* route);
  Respond Begin(const HttpRequest& request, std::string route,
                std::shared_ptr<TracedRequest> traced, Respond respond);
  void Finish(uint64_t serial, HttpResponse response);
  void Call(const Route& route, const RoutedRequest& request, Respond respond);

  const RouterOptions options_;
  const Cors cors_;
  const std::string id_prefix_;
  HttpProbe probe_;
  RequestTracing* tracing_ = nullptr;
  std::deque<Route> routes_;
  std::map<uint64_t, Exchange> in_flight_;  // by serial, so by age
  uint64_t last_serial_ = 0;
  uint64_t last_id_ = 0;
};

}  // namespace topgun::gateway
