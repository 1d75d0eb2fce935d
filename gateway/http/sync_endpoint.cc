#include "http/sync_endpoint.h"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "http/bearer.h"

namespace topgun::gateway {

SyncEndpoint::SyncEndpoint(SyncOptions options, const SyncServices& services,
                           const TokenVerifier* verifier, metrics::Registry& registry)
    : options_(std::move(options)),
      services_(services),
      verifier_(verifier),
      // A client whose clock is far ahead must not take the server's with it.
      hlc_(options_.node_id, services.clock, /*strict=*/true),
      gate_(options_.reads, HttpProbe::ReadsWaiting(registry)) {}

void SyncEndpoint::Mount(Router& router) {
  router.Add(
      {.method = "POST",
       .path = "/sync",
       .summary = "Writes, changes and queries of a client without WebSocket",
       .request_type = "application/msgpack",
       .responses = {{200, "Acknowledgement, changes, results, errors", "application/msgpack"},
                     {400, "The body cannot be decoded"}}},
      [this](const RoutedRequest& request, Respond respond) {
        Handle(request, std::move(respond));
      });
}

Principal SyncEndpoint::PrincipalOf(const HttpRequest& request) const {
  const std::string_view token = BearerTokenOf(request);
  if (verifier_ == nullptr || token.empty()) return {};
  StatusOr<Principal> principal = verifier_->Verify(token);
  return principal.ok() ? *std::move(principal) : Principal();
}

void SyncEndpoint::Handle(const RoutedRequest& request, Respond respond) {
  const uint64_t serial = ++last_serial_;
  const auto exchange = std::make_shared<SyncExchange>(
      options_, services_, gate_, hlc_, PrincipalOf(request.http), std::string(request.http.body),
      [this, serial, respond = std::move(respond)](HttpResponse response) {
        exchanges_.erase(serial);
        respond(std::move(response));
      });
  exchanges_.emplace(serial, exchange);
  exchange->Begin(std::chrono::steady_clock::now());
}

void SyncEndpoint::Tick(Time now) {
  std::vector<std::shared_ptr<SyncExchange>> exchanges;
  for (const auto& [serial, exchange] : exchanges_) exchanges.push_back(exchange);
  for (const auto& exchange : exchanges) exchange->Tick(now);
}

}  // namespace topgun::gateway
