#include "http/auth_endpoints.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <string>
#include <utility>

#include "logging/logging.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

// The text of a field, or why there is none.
StatusOr<std::string> TextOf(const json::object& body, std::string_view name) {
  const json::value* const value = body.if_contains(json::string_view(name.data(), name.size()));
  if (value == nullptr || !value->is_string()) return InvalidArgument(name);
  return std::string(value->get_string().data(), value->get_string().size());
}

HttpResponse BadField(const Status& status) {
  return JsonError(400, "must be a text", Message(status));
}

HttpResponse Login(const AdminLogin& login, const RoutedRequest& request) {
  json::error_code error;
  const json::value body =
      json::parse(json::string_view(request.http.body.data(), request.http.body.size()), error);
  if (error || !body.is_object()) return JsonError(400, "body: must be a JSON object");
  const StatusOr<std::string> username = TextOf(body.get_object(), "username");
  if (!username.ok()) return BadField(username.status());
  const StatusOr<std::string> password = TextOf(body.get_object(), "password");
  if (!password.ok()) return BadField(password.status());
  const StatusOr<std::string> token = login.Login(*username, *password);
  if (token.ok()) {
    logging::Info("http", "administrator logged in", {{"address", request.client}});
    return JsonResponse(200, json::serialize(json::object{{"token", *token}}));
  }
  if (token.status().code() == StatusCode::kUnauthenticated) {
    logging::Warning("http", "login refused", {{"address", request.client}});
    return JsonError(401, "invalid credentials");
  }
  return JsonError(500, Message(token.status()));
}

}  // namespace

void MountAuthEndpoints(Router& router, const AuthEndpointOptions& options, const AdminLogin& login,
                        AddressLimiter& limiter) {
  router.Add(
      {.method = "GET",
       .path = "/api/auth/status",
       .summary = "Whether clients need a token",
       .responses = {{200, "authRequired"}}},
      [required = options.auth_required](const RoutedRequest&, const Respond& respond) {
        respond(JsonResponse(200, json::serialize(json::object{{"authRequired", required}})));
      });
  router.Add({.method = "POST",
              .path = "/api/auth/login",
              .summary = "Token of the administrator for username and password",
              .request_type = "application/json",
              .responses = {{200, "token, valid for 24 hours"},
                            {400, "The body has no username or password"},
                            {401, "Invalid credentials"},
                            {429, "Too many attempts from this address"},
                            {500, "The server has no admin password or no secret"}}},
             [&login, &limiter, local = options.login_on_loopback_only](
                 const RoutedRequest& request, const Respond& respond) {
               if (local && !request.http.loopback) return respond(JsonError(404, "not found"));
               if (!limiter.Allow(request.client, std::chrono::steady_clock::now())) {
                 HttpResponse refusal = JsonError(429, "too many attempts, try again later");
                 refusal.headers.emplace_back("retry-after", "1");
                 return respond(std::move(refusal));
               }
               respond(Login(login, request));
             });
}

}  // namespace topgun::gateway
