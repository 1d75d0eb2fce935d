// HTTP without sockets: routes, what all answers have in common, limits per address, and the
// endpoints that need no cluster.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "auth/jwt_verifier.h"
#include "http/address_limiter.h"
#include "http/auth_endpoints.h"
#include "http/openapi.h"
#include "http/request_origin.h"
#include "http/router.h"
#include "http/status_endpoints.h"
#include "support/manual_clock.h"

namespace topgun::gateway {
namespace {

using std::chrono::seconds;

HttpRequest Request(std::string_view method, std::string_view path, std::string_view body = {}) {
  HttpRequest request;
  request.method = method;
  request.path = path;
  request.body = body;
  request.peer = "192.0.2.1";
  return request;
}

std::string HeaderOf(const HttpResponse& response, std::string_view name) {
  for (const auto& [key, value] : response.headers) {
    if (SameHeaderName(key, name)) return value;
  }
  return "";
}

HttpResponse Text(std::string body) {
  return {.status = 200, .content_type = "text/plain", .body = std::move(body), .headers = {}};
}

class RouterTest : public testing::Test {
 protected:
  // An endpoint that answers with its name and its parameters.
  void Add(Router& router, const std::string& method, const std::string& path) {
    router.Add({.method = method, .path = path, .summary = path},
               [path](const RoutedRequest& request, const Respond& respond) {
                 std::string text = path;
                 for (const auto& [name, value] : request.parameters) {
                   text.append(" ").append(name).append("=").append(value);
                 }
                 respond(Text(text + " for " + std::string(request.client)));
               });
  }

  HttpResponse Ask(Router& router, const HttpRequest& request) {
    std::optional<HttpResponse> answer;
    router.Handle(request, [&answer](HttpResponse response) {
      EXPECT_FALSE(answer) << "answered twice";
      answer = std::move(response);
    });
    EXPECT_TRUE(answer);
    return answer.value_or(HttpResponse());
  }

  std::string BodyOf(Router& router, std::string_view method, std::string_view path) {
    return Ask(router, Request(method, path)).body;
  }

  double Metric(const std::string& series) const {
    const std::string text = "\n" + registry.Render();
    const size_t at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
  }

  metrics::Registry registry{"test"};
};

TEST_F(RouterTest, FindsTheEndpointByMethodAndPath) {
  Router router({}, registry, 0);
  Add(router, "GET", "/a");
  Add(router, "POST", "/a");
  Add(router, "GET", "/maps/{map}/{attribute}");
  Add(router, "GET", "/maps/vector/{name}");
  Add(router, "GET", "/");
  EXPECT_EQ(BodyOf(router, "GET", "/a"), "/a for 192.0.2.1");
  EXPECT_EQ(BodyOf(router, "HEAD", "/a"), "/a for 192.0.2.1");
  EXPECT_EQ(BodyOf(router, "GET", "/"), "/ for 192.0.2.1");
  EXPECT_EQ(BodyOf(router, "GET", "/maps/to%20do%2fs/x%C3%A4"),
            "/maps/{map}/{attribute} map=to do/s attribute=x\xC3\xA4 for 192.0.2.1");
  // More literal segments win, whatever the order of adding.
  EXPECT_EQ(BodyOf(router, "GET", "/maps/vector/v"), "/maps/vector/{name} name=v for 192.0.2.1");
}

TEST_F(RouterTest, AnswersErrorsInJson) {
  Router router({}, registry, 0);
  Add(router, "GET", "/a");
  Add(router, "PUT", "/a");
  Add(router, "GET", "/maps/{map}");
  for (const char* const path : {"/b", "/a/", "/a/b", "", "*", "/maps/", "/maps/%2", "/maps/%zz"}) {
    const HttpResponse answer = Ask(router, Request("GET", path));
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_EQ(answer.body, R"({"code":404,"message":"not found"})");
    EXPECT_EQ(answer.content_type, "application/json");
  }
  const HttpResponse answer = Ask(router, Request("DELETE", "/a"));
  EXPECT_EQ(answer.status, 405);
  EXPECT_EQ(answer.body, R"({"code":405,"message":"method not allowed"})");
  EXPECT_EQ(HeaderOf(answer, "allow"), "GET, HEAD, PUT, OPTIONS");
  const HttpResponse options = Ask(router, Request("OPTIONS", "/a"));
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(HeaderOf(options, "allow"), "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(Ask(router, Request("OPTIONS", "/b")).status, 404);
}

TEST_F(RouterTest, EveryAnswerHasARequestId) {
  Router router({}, registry, 0);
  Router other({}, registry, 1);
  Add(router, "GET", "/a");
  const auto id_for = [&](std::string_view sent) {
    HttpRequest request = Request("GET", "/a");
    request.headers = {{"X-Request-ID", sent}};
    return HeaderOf(Ask(router, request), "x-request-id");
  };
  EXPECT_EQ(id_for("abc-1/2:3"), "abc-1/2:3");
  const std::string longest(128, 'x');
  EXPECT_EQ(id_for(longest), longest);
  // Anything else is replaced, and no id comes twice.
  std::set<std::string> made;
  for (const std::string& bad : {std::string(), longest + "x", std::string("a\nb"),
                                 std::string("a b"), std::string("\xC3\xA4")}) {
    made.insert(id_for(bad));
  }
  made.insert(HeaderOf(Ask(router, Request("GET", "/unknown")), "x-request-id"));
  made.insert(HeaderOf(Ask(other, Request("GET", "/unknown")), "x-request-id"));
  made.insert(HeaderOf(router.Refuse(HttpRequest(), 413, "too large"), "x-request-id"));
  EXPECT_EQ(made.size(), 8U);
  EXPECT_FALSE(made.contains(""));
}

TEST_F(RouterTest, ARequestWaitsForItsAnswerForALimitedTime) {
  Router router({.cors_origins = {}, .trusted_proxy = false, .patience = seconds(5)}, registry, 0);
  std::vector<Respond> waiting;
  router.Add({.method = "GET", .path = "/slow", .summary = ""},
             [&](const RoutedRequest&, Respond respond) { waiting.push_back(std::move(respond)); });
  std::vector<int> answers;
  for (int i = 0; i < 2; ++i) {
    router.Handle(Request("GET", "/slow"),
                  [&](const HttpResponse& response) { answers.push_back(response.status); });
  }
  EXPECT_EQ(router.in_flight(), 2U);
  EXPECT_EQ(router.in_flight_of_process(), 2U);
  waiting[1](Text("done"));
  EXPECT_EQ(answers, std::vector<int>({200}));
  router.Tick(std::chrono::steady_clock::now() + seconds(4));
  EXPECT_EQ(router.in_flight(), 1U);
  router.Tick(std::chrono::steady_clock::now() + seconds(6));
  EXPECT_EQ(answers, std::vector<int>({200, 504}));
  EXPECT_EQ(router.in_flight(), 0U);
  waiting[0](Text("too late"));
  waiting[1](Text("again"));
  EXPECT_EQ(answers.size(), 2U);
  EXPECT_EQ(Metric(R"(gateway_http_requests_total{code="504",route="/slow"})"), 1);
  EXPECT_EQ(Metric("gateway_http_in_flight"), 0);
}

TEST_F(RouterTest, RefusesWhatIsTooManyAtATime) {
  RouterOptions options;
  options.in_flight_max = 1;
  Router router(options, registry, 0);
  Respond first;
  router.Add({.method = "GET", .path = "/slow", .summary = ""},
             [&](const RoutedRequest&, Respond respond) { first = std::move(respond); });
  router.Handle(Request("GET", "/slow"), [](const HttpResponse&) {});
  const HttpResponse refused = Ask(router, Request("GET", "/slow"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(HeaderOf(refused, "retry-after"), "1");
  first(Text("done"));
  router.Handle(Request("GET", "/slow"), [](const HttpResponse&) { FAIL(); });
}

TEST_F(RouterTest, AnEndpointThatThrowsIsAnswered500) {
  Router router({}, registry, 0);
  router.Add({.method = "GET", .path = "/bad", .summary = ""},
             [](const RoutedRequest&, const Respond&) { throw std::runtime_error("secret"); });
  const HttpResponse answer = Ask(router, Request("GET", "/bad"));
  EXPECT_EQ(answer.status, 500);
  EXPECT_EQ(answer.body, R"({"code":500,"message":"internal error"})");
}

TEST_F(RouterTest, PagesOfListedOriginsMayReadAnswers) {
  Router router({.cors_origins = {"https://app.example", "https://b.example"}}, registry, 0);
  Add(router, "POST", "/sync");
  const auto ask = [&](std::string_view method, std::string_view origin) {
    HttpRequest request = Request(method, "/sync");
    request.headers = {{"Origin", origin},
                       {"Access-Control-Request-Method", "POST"},
                       {"Access-Control-Request-Headers", "authorization, content-type"}};
    return Ask(router, request);
  };
  const HttpResponse preflight = ask("OPTIONS", "https://b.example");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_EQ(HeaderOf(preflight, "access-control-allow-origin"), "https://b.example");
  EXPECT_EQ(HeaderOf(preflight, "access-control-allow-credentials"), "true");
  EXPECT_EQ(HeaderOf(preflight, "access-control-allow-methods"), "POST");
  EXPECT_EQ(HeaderOf(preflight, "access-control-allow-headers"), "authorization, content-type");
  EXPECT_EQ(HeaderOf(preflight, "access-control-max-age"), "86400");
  const HttpResponse good = ask("POST", "https://app.example");
  EXPECT_EQ(HeaderOf(good, "access-control-allow-origin"), "https://app.example");
  EXPECT_EQ(HeaderOf(good, "vary"), "origin");
  // Errors are for the page, too.
  EXPECT_EQ(HeaderOf(ask("GET", "https://app.example"), "access-control-allow-origin"),
            "https://app.example");
  const HttpResponse foreign = ask("POST", "https://evil.example");
  EXPECT_EQ(foreign.status, 200);
  EXPECT_EQ(HeaderOf(foreign, "access-control-allow-origin"), "");
  EXPECT_EQ(ask("OPTIONS", "https://evil.example").status, 403);
}

TEST_F(RouterTest, AnyOriginMeansNoCredentials) {
  Router router({.cors_origins = {"*"}}, registry, 0);
  Add(router, "GET", "/a");
  HttpRequest request = Request("GET", "/a");
  request.headers = {{"origin", "https://any.example"}};
  const HttpResponse answer = Ask(router, request);
  EXPECT_EQ(HeaderOf(answer, "access-control-allow-origin"), "*");
  EXPECT_EQ(HeaderOf(answer, "access-control-allow-credentials"), "");
  // Without a list nothing is said at all.
  Router closed({}, registry, 0);
  Add(closed, "GET", "/a");
  const HttpResponse silent = Ask(closed, request);
  EXPECT_EQ(HeaderOf(silent, "access-control-allow-origin"), "");
  EXPECT_EQ(HeaderOf(silent, "vary"), "");
}

TEST(RequestOriginTest, OnlyATrustedProxyTellsTheAddress) {
  HttpRequest request = Request("GET", "/");
  request.headers = {{"X-Forwarded-For", "203.0.113.9"},
                     {"x-forwarded-for", "198.51.100.1, 2001:db8::7 "}};
  EXPECT_EQ(ClientAddressOf(request, false), "192.0.2.1");
  EXPECT_EQ(ClientAddressOf(request, true), "2001:db8::7");
  request.headers = {{"X-Forwarded-For", "198.51.100.1, unknown"}, {"X-Real-IP", "198.51.100.2"}};
  EXPECT_EQ(ClientAddressOf(request, true), "198.51.100.2");
  request.headers = {{"X-Forwarded-For", ""}};
  EXPECT_EQ(ClientAddressOf(request, true), "192.0.2.1");
}

TEST(AddressLimiterTest, CountsPerAddressAndNetwork) {
  AddressLimiter limiter({.per_second = 1, .burst = 2, .addresses_max = 100});
  AddressLimiter::Time now{};
  EXPECT_TRUE(limiter.Allow("192.0.2.1", now));
  EXPECT_TRUE(limiter.Allow("192.0.2.1", now));
  EXPECT_FALSE(limiter.Allow("192.0.2.1", now));
  EXPECT_TRUE(limiter.Allow("192.0.2.2", now));
  EXPECT_TRUE(limiter.Allow("192.0.2.1", now + seconds(1)));
  EXPECT_FALSE(limiter.Allow("192.0.2.1", now + seconds(1)));
  // One client has all addresses of its network.
  EXPECT_TRUE(limiter.Allow("2001:db8::1", now));
  EXPECT_TRUE(limiter.Allow("2001:db8::2", now));
  EXPECT_FALSE(limiter.Allow("2001:db8::3", now));
  EXPECT_TRUE(limiter.Allow("2001:db8:0:1::3", now));
}

TEST(AddressLimiterTest, KnowsALimitedNumberOfAddresses) {
  AddressLimiter limiter({.per_second = 1, .burst = 1, .addresses_max = 10});
  AddressLimiter::Time now{};
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(limiter.Allow("192.0.2." + std::to_string(i), now));
  EXPECT_EQ(limiter.addresses(), 10U);
  // Those whose share is whole again are forgotten first.
  EXPECT_TRUE(limiter.Allow("198.51.100.1", now + seconds(2)));
  EXPECT_EQ(limiter.addresses(), 1U);
}

class EndpointsTest : public RouterTest {
 protected:
  EndpointsTest() {
    MountStatusEndpoints(
        router, [this] { return report; }, registry);
    MountOpenApi(router);
  }
  void MountAuth(const AuthEndpointOptions& options, AdminLoginOptions login_options) {
    login.emplace(std::move(login_options), clock);
    MountAuthEndpoints(router, options, *login, limiter);
  }
  HttpResponse LogIn(std::string_view body, bool loopback = true) {
    HttpRequest request = Request("POST", "/api/auth/login", body);
    request.loopback = loopback;
    return Ask(router, request);
  }

  support::ManualClock clock{1'700'000'000'000};
  ServerReport report;
  AddressLimiter limiter{kLoginLimits};
  std::optional<AdminLogin> login;
  Router router{{}, registry, 0};
};

TEST_F(EndpointsTest, TellHowTheServerIs) {
  report = {.state = ServerState::kReady,
            .connections = 3,
            .in_flight = 1,
            .uptime_seconds = 7,
            .operations = 9};
  EXPECT_EQ(BodyOf(router, "GET", "/health"),
            R"({"state":"ready","connections":3,"in_flight":1,"uptime_secs":7})");
  EXPECT_EQ(BodyOf(router, "GET", "/api/status"),
            R"({"configured":true,"version":"0.1.0","mode":"normal","connections":3,)"
            R"("uptimeSeconds":7,"totalOperations":9})");
  const auto status = [&](std::string_view path) {
    return Ask(router, Request("GET", path)).status;
  };
  EXPECT_EQ(status("/health/ready"), 200);
  EXPECT_EQ(status("/healthz"), 200);
  for (const ServerState state :
       {ServerState::kStarting, ServerState::kDraining, ServerState::kStopped}) {
    report.state = state;
    EXPECT_EQ(status("/health"), 200);
    EXPECT_EQ(status("/health/live"), 200);
    EXPECT_EQ(status("/health/ready"), 503);
    EXPECT_EQ(status("/healthz"), 503);
  }
  const HttpResponse metrics = Ask(router, Request("GET", "/metrics"));
  EXPECT_EQ(metrics.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(metrics.body.find("# TYPE gateway_http_requests_total counter"), std::string::npos);
  const HttpResponse hint = Ask(router, Request("GET", "/ws"));
  EXPECT_EQ(hint.status, 426);
  EXPECT_EQ(HeaderOf(hint, "upgrade"), "websocket");
}

TEST_F(EndpointsTest, TheDescriptionNamesEveryRoute) {
  Add(router, "DELETE", "/api/things/{thing}");
  const boost::json::value document =
      boost::json::parse(Ask(router, Request("GET", "/api/openapi.json")).body);
  EXPECT_EQ(document.at("openapi").as_string(), "3.0.3");
  const boost::json::object& paths = document.at("paths").as_object();
  for (const RouteInfo* const route : router.routes()) {
    ASSERT_TRUE(paths.contains(route->path)) << route->path;
  }
  const boost::json::value& thing = paths.at("/api/things/{thing}").at("delete");
  EXPECT_EQ(thing.at("parameters").at(0).at("name").as_string(), "thing");
  EXPECT_EQ(paths.at("/health/ready").at("get").at("responses").as_object().size(), 2U);
}

TEST_F(EndpointsTest, LoginGivesATokenThatTheGatewayAccepts) {
  MountAuth({}, {.username = "root",
                 .password = "pass",
                 .jwt_secret = "secret",
                 .issuer = "me",
                 .audience = "you"});
  EXPECT_EQ(BodyOf(router, "GET", "/api/auth/status"), R"({"authRequired":true})");
  const HttpResponse answer = LogIn(R"({"username":"root","password":"pass"})");
  ASSERT_EQ(answer.status, 200);
  const std::string token(boost::json::parse(answer.body).at("token").as_string().c_str());
  const auto verifier =
      MakeJwtVerifier({.secret = "secret", .issuer = "me", .audience = "you"}, clock);
  const StatusOr<Principal> principal = (*verifier)->Verify(token);
  ASSERT_TRUE(principal.ok()) << ToString(principal.status());
  EXPECT_EQ(principal->user_id, "root");
  EXPECT_EQ(principal->roles, std::vector<std::string>({"admin"}));
  clock.Advance((AdminLogin::kTokenSeconds + 61) * 1000);
  EXPECT_FALSE((*verifier)->Verify(token).ok());
}

TEST_F(EndpointsTest, LoginRefuses) {
  MountAuth(
      {},
      {.username = "admin", .password = "pass", .jwt_secret = "s", .issuer = "", .audience = ""});
  for (const char* const body :
       {R"({"username":"admin","password":"pas"})", R"({"username":"admin","password":""})",
        R"({"username":"root","password":"pass"})", R"({"username":"","password":"passpass"})"}) {
    const HttpResponse answer = LogIn(body);
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.body, R"({"code":401,"message":"invalid credentials"})");
  }
  EXPECT_EQ(LogIn("").status, 400);
  EXPECT_EQ(LogIn("[]").status, 400);
  EXPECT_EQ(LogIn(R"({"password":"pass"})").body,
            R"({"code":400,"message":"must be a text","field":"username"})");
  EXPECT_EQ(LogIn(R"({"username":"admin","password":1})").body,
            R"({"code":400,"message":"must be a text","field":"password"})");
}

TEST_F(EndpointsTest, LoginIsLimitedPerAddress) {
  MountAuth(
      {},
      {.username = "admin", .password = "pass", .jwt_secret = "s", .issuer = "", .audience = ""});
  int refused = 0;
  for (int i = 0; i < 30; ++i) {
    const HttpResponse answer = LogIn(R"({"username":"admin","password":"x"})");
    if (answer.status == 429) {
      ++refused;
      EXPECT_EQ(HeaderOf(answer, "retry-after"), "1");
    }
  }
  EXPECT_GE(refused, 1);
}

TEST_F(EndpointsTest, LoginNeedsAPasswordAndASecret) {
  MountAuth({.auth_required = false, .login_on_loopback_only = true}, {});
  EXPECT_EQ(BodyOf(router, "GET", "/api/auth/status"), R"({"authRequired":false})");
  EXPECT_EQ(LogIn(R"({"username":"admin","password":""})").status, 500);
  EXPECT_EQ(LogIn(R"({"username":"admin","password":""})", false).status, 404);
  AdminLogin no_secret(
      {.username = "a", .password = "b", .jwt_secret = "", .issuer = "", .audience = ""}, clock);
  EXPECT_EQ(no_secret.Login("a", "b").status().code(), StatusCode::kFailedPrecondition);
  AdminLogin public_key({.username = "a",
                         .password = "b",
                         .jwt_secret = "-----BEGIN PUBLIC KEY-----",
                         .issuer = "",
                         .audience = ""},
                        clock);
  EXPECT_EQ(public_key.Login("a", "b").status().code(), StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace topgun::gateway
