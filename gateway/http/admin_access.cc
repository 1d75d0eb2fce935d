#include "http/admin_access.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "http/bearer.h"

namespace topgun::gateway {
namespace {

constexpr std::string_view kAdminRole = "admin";

HttpResponse Unauthorized(std::string_view message) {
  HttpResponse response = JsonError(401, message);
  response.headers.emplace_back("www-authenticate", "Bearer");
  return response;
}

}  // namespace

std::optional<HttpResponse> AdminAccess::Refusal(const RoutedRequest& request, Time now) const {
  if (!limiter_.Allow(request.client, now)) {
    HttpResponse response = JsonError(429, "too many requests, try again later");
    response.headers.emplace_back("retry-after", "1");
    return response;
  }
  if (verifier_ == nullptr) return std::nullopt;
  const std::string_view token = BearerTokenOf(request.http);
  if (token.empty()) return Unauthorized("missing or invalid Bearer token");
  const StatusOr<Principal> principal = verifier_->Verify(token);
  if (!principal.ok()) return Unauthorized("invalid or expired token");
  const auto& roles = principal->roles;
  if (std::find(roles.begin(), roles.end(), kAdminRole) == roles.end()) {
    return JsonError(403, "admin role required");
  }
  return std::nullopt;
}

Router::Endpoint AdminAccess::Guard(Router::Endpoint endpoint) const {
  return [this, endpoint = std::move(endpoint)](const RoutedRequest& request, Respond respond) {
    if (auto refusal = Refusal(request, std::chrono::steady_clock::now())) {
      return respond(*std::move(refusal));
    }
    endpoint(request, std::move(respond));
  };
}

}  // namespace topgun::gateway
