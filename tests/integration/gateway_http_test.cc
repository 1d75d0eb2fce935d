// HTTP over real sockets: limits, times, connections that go on, upgrades. The handler behind is
// made for the test.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "gateway_listener.h"
#include "support/http_client.h"
#include "support/wait.h"
#include "support/ws_client.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using support::HttpAnswer;
using support::HttpClient;
using support::HttpRequestText;
using support::WaitUntil;
using support::WsClient;

constexpr milliseconds kShort{150};  // for times that are meant to pass

// "200 body", or "" when there is no answer.
std::string Next(HttpClient& client, bool head = false) {
  const std::optional<HttpAnswer> answer = client.Receive(head);
  return answer ? std::to_string(answer->status) + " " + answer->body : "";
}

TEST(GatewayHttpTest, HandsRequestsOverAndKeepsTheConnection) {
  Server server;
  HttpClient client(server.port());
  client.Send(HttpRequestText("GET", "/a?b=c", "", "X-Test: 1\r\n"));
  EXPECT_EQ(Next(client), "200 GET /a?b=c from 127.0.0.1 here x=1 ");
  client.Send(HttpRequestText("POST", "/p", std::string(100'000, 'x')));
  EXPECT_EQ(Next(client), "200 POST /p? from 127.0.0.1 here x= " + std::string(100'000, 'x'));
  client.Send(HttpRequestText("PATCH", "/none"));
  EXPECT_EQ(Next(client), "204 ");
  client.Send(
      "POST /chunked HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(Next(client), "200 POST /chunked? from 127.0.0.1 here x= abcde");
  EXPECT_EQ(server.Metric("gateway_http_connections"), 1);
  EXPECT_EQ(server.requests(), 0U);
  client.Send(HttpRequestText("GET", "/last", "", "Connection: close\r\n"));
  EXPECT_EQ(Next(client).substr(0, 9), "200 GET /");
  EXPECT_TRUE(client.WaitClosed());
  EXPECT_TRUE(WaitUntil([&] { return server.Metric("gateway_http_connections") == 0; }));
}

TEST(GatewayHttpTest, HeadHasTheHeaderOfGetOnly) {
  Server server;
  HttpClient client(server.port());
  client.Send(HttpRequestText("HEAD", "/a"));
  const auto answer = client.Receive(true);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(answer->headers.at("content-length"),
            std::to_string(std::string("HEAD /a? from 127.0.0.1 here x= ").size()));
  client.Send(HttpRequestText("GET", "/b"));
  EXPECT_EQ(Next(client).substr(0, 10), "200 GET /b");
}

TEST(GatewayHttpTest, PipelinedRequestsAreAnsweredInOrder) {
  Server server;
  HttpClient client(server.port());
  std::string all = HttpRequestText("GET", "/hold");
  for (int i = 0; i < 50; ++i) all += HttpRequestText("POST", "/" + std::to_string(i), "body");
  client.Send(all);
  ASSERT_TRUE(WaitUntil([&] { return server.handler.held == 1; }));
  EXPECT_EQ(server.requests(), 1U);
  server.Release("first");
  EXPECT_EQ(Next(client), "200 first");
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(Next(client), "200 POST /" + std::to_string(i) + "? from 127.0.0.1 here x= body");
  }
}

TEST(GatewayHttpTest, LimitsHeaderAndBody) {
  ListenerOptions options;
  options.limits.http_body_bytes_max = 1'000;
  Server server(options);
  {
    HttpClient client(server.port());
    client.Send(HttpRequestText("GET", "/", "", "X-Padding: " + std::string(9'000, 'x') + "\r\n"));
    EXPECT_EQ(Next(client), R"(431 {"code":431,"message":"header too large"})");
    EXPECT_TRUE(client.WaitClosed());
  }
  {
    HttpClient client(server.port());
    client.Send(HttpRequestText("POST", "/sync", std::string(1'000, 'x')));
    EXPECT_EQ(Next(client).substr(0, 4), "200 ");
    // Refused before a byte of it is read, and the client that goes on sending sees the answer.
    client.Send("POST /sync HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n");
    client.Send(std::string(1'001, 'x'));
    const auto answer = client.Receive();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 413);
    EXPECT_EQ(answer->body, R"({"code":413,"message":"body exceeds maximum of 1000 bytes"})");
    EXPECT_EQ(answer->headers.at("x-refused"), "/sync");
    EXPECT_TRUE(client.WaitClosed());
  }
  HttpClient client(server.port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
              std::string(1'001, 'x') + "\r\n0\r\n\r\n");
  EXPECT_EQ(Next(client).substr(0, 4), "413 ");
  EXPECT_TRUE(client.WaitClosed());
}

TEST(GatewayHttpTest, BodiesOfALoopShareALimit) {
  ListenerOptions options;
  options.limits.http_body_bytes_max = 1'000;
  options.http_body_bytes_per_loop_max = 1'500;
  Server server(options);
  HttpClient first(server.port());
  first.Send(HttpRequestText("POST", "/hold", std::string(1'000, 'x')));
  ASSERT_TRUE(WaitUntil([&] { return server.handler.held == 1; }));
  HttpClient second(server.port());
  second.Send(HttpRequestText("POST", "/", std::string(1'000, 'x')));
  EXPECT_EQ(Next(second).substr(0, 4), "503 ");
  HttpClient small(server.port());
  small.Send(HttpRequestText("GET", "/"));
  EXPECT_EQ(Next(small).substr(0, 4), "200 ");
  server.Release("done");
  EXPECT_EQ(Next(first), "200 done");
  small.Send(HttpRequestText("POST", "/", std::string(1'000, 'x')));
  EXPECT_EQ(Next(small).substr(0, 4), "200 ");
}

TEST(GatewayHttpTest, RefusesWhatIsNoHttp) {
  Server server;
  for (const std::string& garbage :
       {std::string("\xff\xff\r\n\r\n"), std::string("GET / HTTP/9.9\r\n\r\n"),
        std::string("GET  HTTP/1.1\r\n\r\n"), std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")}) {
    HttpClient client(server.port());
    client.Send(garbage);
    EXPECT_EQ(Next(client).substr(0, 4), "400 ") << garbage;
    EXPECT_TRUE(client.WaitClosed());
  }
}

TEST(GatewayHttpTest, WaitsForClientsForALimitedTime) {
  ListenerOptions options;
  options.upgrade_timeout = kShort;
  options.http_body_timeout = kShort;
  options.http_idle_timeout = kShort;
  options.http_handling_timeout = kShort;
  Server server(options);
  HttpClient silent(server.port());
  EXPECT_TRUE(silent.WaitClosed());
  HttpClient slow_header(server.port());
  slow_header.Send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(Next(slow_header).substr(0, 4), "408 ");
  EXPECT_TRUE(slow_header.WaitClosed());
  HttpClient slow_body(server.port());
  slow_body.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(Next(slow_body).substr(0, 4), "408 ");
  EXPECT_TRUE(slow_body.WaitClosed());
  HttpClient idle(server.port());
  idle.Send(HttpRequestText("GET", "/"));
  EXPECT_EQ(Next(idle).substr(0, 4), "200 ");
  EXPECT_TRUE(idle.WaitClosed());
  // A handler that never answers does not keep the connection for ever.
  HttpClient forgotten(server.port());
  forgotten.Send(HttpRequestText("GET", "/drop"));
  EXPECT_TRUE(forgotten.WaitClosed());
  EXPECT_TRUE(WaitUntil([&] { return server.requests() == 0; }));
}

TEST(GatewayHttpTest, AClientThatReadsTooSlowlyIsLeft) {
  ListenerOptions options;
  options.http_write_timeout = kShort;
  Server server(options);
  HttpClient client(server.port());
  client.Send(HttpRequestText("GET", "/hold"));
  ASSERT_TRUE(WaitUntil([&] { return server.handler.held == 1; }));
  server.Release(std::string(size_t{32} << 20, 'x'));
  EXPECT_TRUE(WaitUntil([&] { return server.Metric("gateway_http_connections") == 0; }));
  EXPECT_EQ(server.requests(), 0U);
}

TEST(GatewayHttpTest, AClientThatHasGoneHurtsNobody) {
  Server server;
  {
    HttpClient client(server.port());
    client.Send(HttpRequestText("GET", "/hold"));
    ASSERT_TRUE(WaitUntil([&] { return server.handler.held == 1; }));
  }
  server.Release("nobody reads this");
  EXPECT_TRUE(WaitUntil([&] { return server.Metric("gateway_http_connections") == 0; }));
  {
    HttpClient client(server.port());
    client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  }
  EXPECT_TRUE(WaitUntil([&] { return server.Metric("gateway_http_connections") == 0; }));
  EXPECT_EQ(server.requests(), 0U);
}

TEST(GatewayHttpTest, AsksForTheBodyOfACarefulClient) {
  ListenerOptions options;
  options.limits.http_body_bytes_max = 1'000;
  Server server(options);
  HttpClient client(server.port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  const auto interim = client.Receive(true);
  ASSERT_TRUE(interim);
  EXPECT_EQ(interim->status, 100);
  client.Send("abc");
  EXPECT_EQ(Next(client), "200 POST /? from 127.0.0.1 here x= abc");
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3000\r\n\r\n");
  EXPECT_EQ(Next(client).substr(0, 4), "413 ");
}

TEST(GatewayHttpTest, UpgradesAtTwoPathsAlsoAfterRequests) {
  Server server;
  for (const char* const path : {"/", "/ws", "/ws?token=x"}) {
    WsClient socket({.port = server.port(), .path = path});
    EXPECT_EQ(socket.status(), 101);
    socket.Send("hello");
    EXPECT_EQ(socket.Receive().value_or(""), "hello");
  }
  // Elsewhere an upgrade is a request like any other.
  EXPECT_EQ(WsClient({.port = server.port(), .path = "/other"}).status(), 200);
  HttpClient client(server.port());
  client.Send(HttpRequestText("GET", "/first"));
  EXPECT_EQ(Next(client).substr(0, 4), "200 ");
  client.Send(HttpRequestText("GET", "/ws", "",
                              "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                              "13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  EXPECT_EQ(Next(client, true), "101 ");
  // The answer may arrive before its session is open, and the server then ends without it.
  EXPECT_TRUE(WaitUntil([&] { return server.Metric("gateway_connections") == 1; }));
}

TEST(GatewayHttpTest, ConnectionsAreLimitedTogether) {
  ListenerOptions options;
  options.limits.connections_max = 2;
  Server server(options);
  HttpClient http(server.port());
  http.Send(HttpRequestText("GET", "/"));
  EXPECT_EQ(Next(http).substr(0, 4), "200 ");
  WsClient socket({.port = server.port()});
  EXPECT_EQ(socket.status(), 101);
  HttpClient third(server.port());
  third.Send(HttpRequestText("GET", "/"));
  EXPECT_EQ(Next(third).substr(0, 4), "503 ");
  EXPECT_TRUE(third.WaitClosed());
  http.Drop();
  EXPECT_TRUE(WaitUntil([&] {
    HttpClient next(server.port());
    next.Send(HttpRequestText("GET", "/"));
    return Next(next).substr(0, 4) == "200 ";
  }));
}

TEST(GatewayHttpTest, StoppingEndsIdleConnectionsAndAnswersTheOthers) {
  Server server;
  HttpClient idle(server.port());
  idle.Send(HttpRequestText("GET", "/"));
  EXPECT_EQ(Next(idle).substr(0, 4), "200 ");
  HttpClient silent(server.port());
  HttpClient busy(server.port());
  busy.Send(HttpRequestText("GET", "/hold"));
  ASSERT_TRUE(WaitUntil([&] { return server.handler.held == 1; }));
  server.Stop();
  EXPECT_TRUE(idle.WaitClosed());
  EXPECT_TRUE(silent.WaitClosed());
  server.Release("done");
  const auto answer = busy.Receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "done");
  EXPECT_EQ(answer->headers.at("connection"), "close");
  EXPECT_TRUE(busy.WaitClosed());
  EXPECT_EQ(server.requests(), 0U);
}

}  // namespace
}  // namespace topgun::gateway
