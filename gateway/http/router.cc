#include "http/router.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <random>
#include <utility>

#include "base/bytes.h"
#include "logging/logging.h"

namespace topgun::gateway {
namespace {

constexpr std::string_view kUnrouted = "none";

// Ids of different processes and loops do not meet.
std::string RandomPrefix() {
  std::random_device random;
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes.push_back(static_cast<char>(random() & 0xffU));
  return ToHex(bytes);
}

bool Serves(const std::string& method, std::string_view asked) {
  return method == asked || (method == "GET" && asked == "HEAD");
}

void AddMethod(std::string& methods, std::string_view method) {
  if (!methods.empty()) methods.append(", ");
  methods.append(method);
  if (method == "GET") methods.append(", HEAD");
}

}  // namespace

Router::Router(RouterOptions options, metrics::Registry& registry, size_t loop)
    : options_(std::move(options)),
      cors_(options_.cors_origins),
      id_prefix_(RandomPrefix()),
      probe_(registry, loop) {}

void Router::Add(RouteInfo info, Endpoint endpoint) {
  PathPattern pattern(info.path);
  routes_.push_back(
      {.info = std::move(info), .pattern = std::move(pattern), .endpoint = std::move(endpoint)});
}

std::vector<const RouteInfo*> Router::routes() const {
  std::vector<const RouteInfo*> infos;
  for (const Route& route : routes_) infos.push_back(&route.info);
  return infos;
}

const Router::Route* Router::Find(const HttpRequest& request, PathPattern::Parameters* parameters,
                                  std::string* methods) const {
  const Route* best = nullptr;
  for (const Route& route : routes_) {
    if (best != nullptr && route.pattern.literals() <= best->pattern.literals()) continue;
    auto matched = route.pattern.Match(request.path);
    if (!matched) continue;
    AddMethod(*methods, route.info.method);
    if (!Serves(route.info.method, request.method)) continue;
    best = &route;
    *parameters = *std::move(matched);
  }
  return best;
}

void Router::Handle(const HttpRequest& request, Respond respond) {
  PathPattern::Parameters parameters;
  std::string methods;
  const Route* const route = Find(request, &parameters, &methods);
  const auto traced = Trace(request, route);
  Respond answer = Begin(request, route != nullptr ? route->info.path : std::string(kUnrouted),
                         traced, std::move(respond));
  if (route == nullptr) return answer(AnswerUnrouted(request, methods));
  if (in_flight_.size() > options_.in_flight_max) {
    HttpResponse full = JsonError(503, "server overloaded, try again later");
    full.headers.emplace_back("retry-after", "1");
    return answer(std::move(full));
  }
  const std::string client = ClientAddressOf(request, options_.trusted_proxy);
  const RoutedRequest routed{.http = request, .client = client, .parameters = parameters};
  if (traced == nullptr) return Call(*route, routed, std::move(answer));
  traced->Run([&] { Call(*route, routed, std::move(answer)); });
}

// What asks for nothing that there is has no span: anyone may send any number of such requests.
std::shared_ptr<TracedRequest> Router::Trace(const HttpRequest& request, const Route* route) {
  if (tracing_ == nullptr || route == nullptr) return nullptr;
  return tracing_->Begin(request, route->info);
}

HttpResponse Router::AnswerUnrouted(const HttpRequest& request, const std::string& methods) const {
  if (methods.empty()) return JsonError(404, "not found");
  if (Cors::IsPreflight(request)) return cors_.Preflight(request, methods);
  HttpResponse response =
      request.method == "OPTIONS"
          ? HttpResponse{.status = 204, .content_type = {}, .body = {}, .headers = {}}
          : JsonError(405, "method not allowed");
  response.headers.emplace_back("allow", methods + ", OPTIONS");
  return response;
}

// A mistake in one endpoint must not end the connections of the whole process.
void Router::Call(const Route& route, const RoutedRequest& request, Respond respond) {
  try {
    route.endpoint(request, respond);
  } catch (const std::exception& error) {
    logging::Error("http", "endpoint failed",
                   {{"route", route.info.path}, {"error", error.what()}});
    respond(JsonError(500, "internal error"));
  }
}

HttpHeaders Router::CommonHeaders(const HttpRequest& request) {
  HttpHeaders headers;
  std::string id(RequestIdOf(request));
  if (id.empty()) id = id_prefix_ + "-" + std::to_string(++last_id_);
  headers.emplace_back("x-request-id", std::move(id));
  cors_.Allow(request, headers);
  return headers;
}

Respond Router::Begin(const HttpRequest& request, std::string route,
                      std::shared_ptr<TracedRequest> traced, Respond respond) {
  const uint64_t serial = ++last_serial_;
  in_flight_.emplace(serial, Exchange{.respond = std::move(respond),
                                      .route = std::move(route),
                                      .headers = CommonHeaders(request),
                                      .started = std::chrono::steady_clock::now(),
                                      .traced = std::move(traced)});
  probe_.InFlight(1);
  return [this, serial](HttpResponse response) { Finish(serial, std::move(response)); };
}

// A second answer, or one that comes after its time, finds nothing.
void Router::Finish(uint64_t serial, HttpResponse response) {
  const auto found = in_flight_.find(serial);
  if (found == in_flight_.end()) return;
  Exchange exchange = std::move(found->second);
  in_flight_.erase(found);
  probe_.InFlight(-1);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - exchange.started;
  probe_.Answered(exchange.route, response.status, took.count());
  if (exchange.traced != nullptr) exchange.traced->Answered(response.status);
  std::move(exchange.headers.begin(), exchange.headers.end(), std::back_inserter(response.headers));
  exchange.respond(std::move(response));
}

HttpResponse Router::Refuse(const HttpRequest& request, int status, std::string_view message) {
  HttpResponse response = JsonError(status, message);
  response.headers = CommonHeaders(request);
  if (status == 503) response.headers.emplace_back("retry-after", "1");
  probe_.Refused(status);
  return response;
}

void Router::Tick(Time now) {
  while (!in_flight_.empty() && in_flight_.begin()->second.started + options_.patience <= now) {
    Finish(in_flight_.begin()->first,
           JsonError(504, "operation timed out after " + std::to_string(options_.patience.count()) +
                              "ms"));
  }
}

}  // namespace topgun::gateway
