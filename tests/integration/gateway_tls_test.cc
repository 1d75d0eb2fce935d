// The port for clients with TLS: HTTP through it, and what happens to those who do not speak it.
#include <gtest/gtest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "config.h"
#include "gateway_listener.h"
#include "support/certificates.h"
#include "support/http_client.h"
#include "support/wait.h"
#include "tls/reloader.h"
#include "tls/stream.h"

namespace topgun::gateway {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using support::HttpClient;
using support::HttpRequestText;
using support::WaitUntil;

const std::vector<std::string> kHosts = {"localhost", "127.0.0.1"};

// An HTTP client that reads until the server ends the connection.
class TlsClient {
 public:
  TlsClient(uint16_t port, const tls::ContextPtr& context)
      : stream_(Connected(io_, port), context, tls::Role::kClient) {
    EXPECT_TRUE(stream_.session().SetServerName("localhost").ok());
    stream_.async_handshake([this](error_code error) { error_ = error; });
    io_.run();
  }

  bool open() const { return !error_; }

  std::string Exchange(const std::string& request) {
    std::string answer;
    io_.restart();
    asio::async_write(stream_, asio::buffer(request), [](error_code, size_t) {});
    asio::async_read(stream_, asio::dynamic_buffer(answer), [](error_code, size_t) {});
    io_.run();
    return answer;
  }

 private:
  static tcp::socket Connected(asio::io_context& io, uint16_t port) {
    tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), port});
    return socket;
  }

  asio::io_context io_{1};
  tls::Stream<tcp::socket> stream_;
  error_code error_;
};

class GatewayTlsTest : public testing::Test {
 protected:
  GatewayTlsTest() { std::signal(SIGPIPE, SIG_IGN); }

  ListenerOptions Options() {
    const auto contexts = tls::WatchServerContext(
        reloader_, "clients", {.certificate = pair_.certificate, .key = pair_.key, .ca = {}},
        {.require_client_certificate = false, .alpn = {"http/1.1"}});
    EXPECT_TRUE(contexts.ok()) << ToString(contexts.status());
    ListenerOptions options;
    options.tls.contexts = *contexts;
    return options;
  }
  tls::ContextPtr ClientContext(const std::string& ca) {
    const auto credentials = tls::LoadCredentials({.certificate = {}, .key = {}, .ca = ca},
                                                  std::chrono::system_clock::now());
    EXPECT_TRUE(credentials.ok()) << ToString(credentials.status());
    return *tls::MakeClientContext(*credentials, {});
  }
  static double Handshakes(const Server& server, const std::string& result) {
    return server.Metric("gateway_tls_handshakes_total{result=\"" + result + "\"}");
  }

  support::CertificateAuthority authority_;
  support::CertificateAuthority::Pair pair_ = authority_.Issue("gateway", kHosts);
  metrics::Registry registry_{"test"};
  tls::Reloader reloader_{registry_};
};

TEST_F(GatewayTlsTest, ServesHttp) {
  Server server(Options());
  TlsClient client(server.port(), ClientContext(authority_.file()));
  ASSERT_TRUE(client.open());
  const std::string body(1'000'000, 'x');
  const std::string answer =
      client.Exchange(HttpRequestText("POST", "/p", "small") + HttpRequestText("POST", "/q", body) +
                      HttpRequestText("GET", "/z", "", "Connection: close\r\n"));
  EXPECT_NE(answer.find("POST /p? from 127.0.0.1 here x= small"), std::string::npos);
  EXPECT_NE(answer.find("POST /q? from 127.0.0.1 here x= " + body), std::string::npos);
  EXPECT_TRUE(answer.ends_with("GET /z? from 127.0.0.1 here x= "));
  EXPECT_EQ(Handshakes(server, "ok"), 1);
  EXPECT_TRUE(WaitUntil([&] { return server.Metric("gateway_tls_handshakes") == 0; }));
}

TEST_F(GatewayTlsTest, CountsClientsThatDoNotTrustIt) {
  Server server(Options());
  const support::CertificateAuthority other;
  EXPECT_FALSE(TlsClient(server.port(), ClientContext(other.file())).open());
  EXPECT_TRUE(WaitUntil([&] { return Handshakes(server, "refused") == 1; }));
}

TEST_F(GatewayTlsTest, TellsPlainHttpWhatIsWrong) {
  Server server(Options());
  HttpClient client(server.port());
  client.Send(HttpRequestText("POST", "/sync", std::string(10'000, 'x')));
  const auto answer = client.Receive();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  EXPECT_EQ(answer->body, "this port speaks TLS: use https:// or wss:// in front of it.\n");
  EXPECT_TRUE(client.WaitClosed());
  EXPECT_EQ(Handshakes(server, "plain_http"), 1);
}

TEST_F(GatewayTlsTest, ClosesOtherPlainText) {
  Server server(Options());
  HttpClient client(server.port());
  client.Send(std::string(10'000, 'x'));
  EXPECT_TRUE(client.WaitClosed());
  EXPECT_EQ(Handshakes(server, "plain_text"), 1);
}

TEST_F(GatewayTlsTest, HandshakesHaveALimitedTime) {
  ListenerOptions options = Options();
  options.tls.handshake_timeout = std::chrono::milliseconds(50);
  Server server(std::move(options));
  HttpClient silent(server.port());
  EXPECT_TRUE(silent.WaitClosed());
  EXPECT_EQ(Handshakes(server, "timeout"), 1);
}

TEST_F(GatewayTlsTest, HandshakesAreLimitedInNumber) {
  ListenerOptions options = Options();
  options.tls.handshakes_max = 1;
  options.tls.handshake_timeout = std::chrono::hours(1);
  Server server(std::move(options));
  auto silent = std::make_unique<HttpClient>(server.port());
  ASSERT_TRUE(WaitUntil([&] { return server.Metric("gateway_tls_handshakes") == 1; }));
  HttpClient second(server.port());
  EXPECT_TRUE(second.WaitClosed());
  EXPECT_EQ(Handshakes(server, "too_many"), 1);
  silent.reset();
  ASSERT_TRUE(WaitUntil([&] { return server.Metric("gateway_tls_handshakes") == 0; }));
  EXPECT_EQ(Handshakes(server, "closed"), 1);
  EXPECT_TRUE(TlsClient(server.port(), ClientContext(authority_.file())).open());
}

TEST_F(GatewayTlsTest, StoppingEndsHandshakes) {
  ListenerOptions options = Options();
  options.tls.handshake_timeout = std::chrono::hours(1);
  Server server(std::move(options));
  HttpClient silent(server.port());
  ASSERT_TRUE(WaitUntil([&] { return server.Metric("gateway_tls_handshakes") == 1; }));
  server.Stop();
  EXPECT_TRUE(silent.WaitClosed());
}

TEST(GatewayPlainTextTest, IsExposedUnlessSomebodyMeansIt) {
  const auto exposed = [](const std::string& host, auto change) {
    Config config;
    config.bind_address = host;
    change(config);
    return PlainTextIsExposed(config);
  };
  const auto as_is = [](Config&) {};
  EXPECT_TRUE(exposed("", as_is));
  EXPECT_TRUE(exposed("10.0.0.1", as_is));
  EXPECT_TRUE(exposed("::", as_is));
  for (const char* host : {"127.0.0.1", "::1", "localhost"}) EXPECT_FALSE(exposed(host, as_is));
  EXPECT_FALSE(exposed("", [](Config& config) { config.no_auth = true; }));  // then on loopback
  EXPECT_FALSE(exposed("", [](Config& config) { config.tls_in_front = true; }));
  EXPECT_FALSE(exposed("", [](Config& config) { config.tls.certificate = "file"; }));
  EXPECT_FALSE(exposed("", [](Config& config) { config.allow_plaintext = {"grpc", "clients"}; }));
  EXPECT_TRUE(exposed("", [](Config& config) { config.allow_plaintext = {"grpc"}; }));
}

}  // namespace
}  // namespace topgun::gateway
