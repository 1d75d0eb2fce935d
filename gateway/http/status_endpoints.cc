#include "http/status_endpoints.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

namespace topgun::gateway {
namespace {

namespace json = boost::json;

constexpr std::string_view kVersion = TOPGUN_VERSION;
const std::string kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

HttpResponse Empty(int status) {
  return {.status = status, .content_type = {}, .body = {}, .headers = {}};
}

void MountHealth(Router& router, const ServerReporter& report) {
  router.Add({.method = "GET",
              .path = "/health",
              .summary = "State of this gateway",
              .responses = {{200, "State, connections, requests in flight, uptime"}},
              .traced = false},
             [report](const RoutedRequest&, const Respond& respond) {
               const ServerReport now = report();
               respond(JsonResponse(
                   200, json::serialize(json::object{{"state", Name(now.state)},
                                                     {"connections", now.connections},
                                                     {"in_flight", now.in_flight},
                                                     {"uptime_secs", now.uptime_seconds}})));
             });
  router.Add({.method = "GET",
              .path = "/health/live",
              .summary = "Whether the process answers",
              .responses = {{200, "It does", ""}},
              .traced = false},
             [](const RoutedRequest&, const Respond& respond) { respond(Empty(200)); });
  for (const char* const path : {"/health/ready", "/healthz"}) {
    router.Add({.method = "GET",
                .path = path,
                .summary = "Whether clients should be sent here",
                .responses = {{200, "Yes", ""}, {503, "Not now", ""}},
                .traced = false},
               [report](const RoutedRequest&, const Respond& respond) {
                 respond(Empty(report().state == ServerState::kReady ? 200 : 503));
               });
  }
}

void MountStatus(Router& router, const ServerReporter& report) {
  router.Add({.method = "GET",
              .path = "/api/status",
              .summary = "Version and totals of this gateway",
              .responses = {{200, "Version, mode, connections, uptime, operations"}},
              .traced = false},
             [report](const RoutedRequest&, const Respond& respond) {
               const ServerReport now = report();
               respond(JsonResponse(
                   200, json::serialize(json::object{{"configured", true},
                                                     {"version", kVersion},
                                                     {"mode", "normal"},
                                                     {"connections", now.connections},
                                                     {"uptimeSeconds", now.uptime_seconds},
                                                     {"totalOperations", now.operations}})));
             });
}

void MountMetrics(Router& router, const metrics::Registry& registry) {
  router.Add({.method = "GET",
              .path = "/metrics",
              .summary = "Metrics of this gateway for Prometheus",
              .responses = {{200, "Text exposition format", kMetricsType}},
              .traced = false},
             [&registry](const RoutedRequest&, const Respond& respond) {
               respond({.status = 200,
                        .content_type = kMetricsType,
                        .body = registry.Render(),
                        .headers = {}});
             });
}

void MountWebSocketHints(Router& router) {
  for (const char* const path : {"/", "/ws"}) {
    router.Add({.method = "GET",
                .path = path,
                .summary = "WebSocket connection of a client",
                .responses = {{101, "The connection is a WebSocket now", ""},
                              {426, "The request does not ask for a WebSocket"}}},
               [](const RoutedRequest&, const Respond& respond) {
                 HttpResponse response = JsonError(426, "connect with a WebSocket");
                 response.headers.emplace_back("upgrade", "websocket");
                 respond(std::move(response));
               });
  }
}

}  // namespace

std::string_view Name(ServerState state) {
  switch (state) {
    case ServerState::kStarting:
      return "starting";
    case ServerState::kReady:
      return "ready";
    case ServerState::kDraining:
      return "draining";
    case ServerState::kStopped:
      return "stopped";
  }
  return {};
}

void MountStatusEndpoints(Router& router, ServerReporter report,
                          const metrics::Registry& registry) {
  MountWebSocketHints(router);
  MountHealth(router, report);
  MountStatus(router, report);
  MountMetrics(router, registry);
}

}  // namespace topgun::gateway
