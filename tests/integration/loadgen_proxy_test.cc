// The fault proxy between real sockets, and whole runs through it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <string>
#include <thread>

#include "exit_code.h"
#include "loadgen_fake_gateway.h"
#include "loadgen_small_run.h"
#include "proxy/fault_proxy.h"
#include "report/json_report.h"
#include "report/summary.h"
#include "scenario_run.h"
#include "support/wait.h"

namespace topgun::loadgen {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;
using testing::HasSubstr;

// A listening port, its proxy, and blocking sockets on both sides of it.
class FaultProxyTest : public testing::Test {
 protected:
  void StartProxy(const std::vector<std::string>& faults) {
    proxy_.emplace(*ParseProxyFaults(faults), 1);
    std::vector<Endpoint> endpoints(1);
    endpoints[0].host = "127.0.0.1";
    endpoints[0].port = std::to_string(acceptor_.local_endpoint().port());
    ASSERT_TRUE(proxy_->Start(&endpoints).ok());
    proxy_->Rouse();
    port_ = endpoints[0].proxy_port;
  }

  tcp::socket Connect() {
    tcp::socket client(io_);
    client.connect({asio::ip::address_v4::loopback(), port_});
    return client;
  }
  tcp::socket Accept() { return acceptor_.accept(); }

  asio::io_context io_;
  tcp::acceptor acceptor_{io_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::optional<FaultProxy> proxy_;
  uint16_t port_ = 0;
};

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + (i >> 10));
  return text;
}

TEST_F(FaultProxyTest, BytesPassBothWaysInOrder) {
  StartProxy({"latency:5ms", "jitter:10ms", "bandwidth:20MB/s"});
  tcp::socket client = Connect();
  tcp::socket server = Accept();
  const std::string sent = Pattern(3 << 20);
  std::string echoed(sent.size(), '\0');
  std::thread echo([&] {
    std::string received(sent.size(), '\0');
    asio::read(server, asio::buffer(received));
    asio::write(server, asio::buffer(received));
  });
  asio::write(client, asio::buffer(sent));
  asio::read(client, asio::buffer(echoed));
  echo.join();
  EXPECT_EQ(echoed, sent);
  // Its end is passed on as well, each way.
  client.shutdown(tcp::socket::shutdown_send);
  error_code error;
  char byte = 0;
  EXPECT_EQ(server.read_some(asio::buffer(&byte, 1), error), 0U);
  EXPECT_EQ(error, asio::error::eof);
  server.close();
  EXPECT_EQ(client.read_some(asio::buffer(&byte, 1), error), 0U);
  EXPECT_EQ(error, asio::error::eof);
  const ProxyReport report = proxy_->Stop();
  EXPECT_EQ(report.connections, 1U);
  EXPECT_EQ(report.bytes_up, sent.size());
  EXPECT_EQ(report.bytes_down, sent.size());
  EXPECT_LE(report.buffered_max, ProxyPipe::kBytesMax);
}

TEST_F(FaultProxyTest, TheLatencyIsWaitedForEachWay) {
  StartProxy({"latency:40ms"});
  tcp::socket client = Connect();
  tcp::socket server = Accept();
  const auto begin = std::chrono::steady_clock::now();
  char byte = 'x';
  asio::write(client, asio::buffer(&byte, 1));
  asio::read(server, asio::buffer(&byte, 1));
  asio::write(server, asio::buffer(&byte, 1));
  asio::read(client, asio::buffer(&byte, 1));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(80));
}

TEST_F(FaultProxyTest, AReceiverThatDoesNotReadStopsTheSender) {
  StartProxy({"latency:1ms"});
  tcp::socket client = Connect();
  tcp::socket server = Accept();
  client.non_blocking(true);
  // More than all buffers of the system and the proxy together.
  const std::string sent = Pattern(64 << 20);
  size_t written = 0;
  std::thread writer;
  const auto jammed = [&] {
    error_code error;
    const size_t size =
        client.write_some(asio::buffer(sent.data() + written, sent.size() - written), error);
    written += size;
    return size == 0;
  };
  int times_jammed = 0;
  EXPECT_TRUE(support::WaitUntil([&] {
    times_jammed = jammed() ? times_jammed + 1 : 0;
    return times_jammed > 50 || written == sent.size();
  }));
  EXPECT_LT(written, sent.size());

  // And nothing of it is lost.
  client.non_blocking(false);
  writer = std::thread(
      [&] { asio::write(client, asio::buffer(sent.data() + written, sent.size() - written)); });
  std::string received(sent.size(), '\0');
  asio::read(server, asio::buffer(received));
  writer.join();
  EXPECT_EQ(received, sent);
  const ProxyReport report = proxy_->Stop();
  EXPECT_GT(report.full, 0U);
  EXPECT_EQ(report.buffered_max, ProxyPipe::kBytesMax);
}

TEST_F(FaultProxyTest, ConnectionsAreCutOnBothSides) {
  StartProxy({"cut:4/s"});
  tcp::socket client = Connect();
  tcp::socket server = Accept();
  error_code error;
  char byte = 0;
  client.read_some(asio::buffer(&byte, 1), error);
  EXPECT_EQ(error, asio::error::connection_reset);
  server.read_some(asio::buffer(&byte, 1), error);
  EXPECT_EQ(error, asio::error::connection_reset);
  EXPECT_EQ(proxy_->Stop().cut, 1U);
}

TEST_F(FaultProxyTest, RefusedConnectionsAreReset) {
  StartProxy({"refuse:100%"});
  for (int i = 0; i < 3; ++i) {
    tcp::socket client = Connect();
    error_code error;
    char byte = 0;
    client.read_some(asio::buffer(&byte, 1), error);
    EXPECT_TRUE(error);
  }
  const ProxyReport report = proxy_->Stop();
  EXPECT_EQ(report.refused, 3U);
  EXPECT_EQ(report.bytes_up, 0U);
}

TEST_F(FaultProxyTest, AGatewayThatIsNotThereEndsTheConnection) {
  StartProxy({"latency:1ms"});
  acceptor_.close();
  tcp::socket client = Connect();
  error_code error;
  char byte = 0;
  client.read_some(asio::buffer(&byte, 1), error);
  EXPECT_TRUE(error);
  EXPECT_EQ(proxy_->Stop().unreachable, 1U);
}

RunReport ExecuteThroughProxy(Config config, const std::vector<std::string>& faults) {
  config.faults.proxy = *ParseProxyFaults(faults);
  const std::atomic<bool> interrupted{false};
  return RunScenario(config, interrupted, nullptr, [](uint32_t) {});
}

TEST(LoadgenProxyTest, WhatIsCutIsSentAgainAndNothingIsLost) {
  for (const bool http : {false, true}) {
    const FakeGateway gateway;
    Config config = SmallRun(gateway);
    config.target.http_sync = http;
    if (http) config.load.inflight = 1;
    config.load.ops = 0;
    config.load.rate = 2'000;
    config.load.duration = milliseconds(1'500);
    const RunReport report = ExecuteThroughProxy(config, {"latency:5ms", "jitter:5ms", "cut:4/s"});
    ASSERT_TRUE(report.verify) << RenderSummary(config, report);
    EXPECT_TRUE(report.verify->passed());
    EXPECT_EQ(report.unacked_ops, 0U);
    ASSERT_TRUE(report.proxy);
    EXPECT_GT(report.proxy->cut, 0U);
    EXPECT_GT(report.whole.reconnects, 0U);
    // An acknowledgement takes the latency each way.
    EXPECT_GE(report.measured.ack_latency_sent.min(), 10'000'000);
    EXPECT_GT(report.proxy->bytes_up, 0U);
  }
}

TEST(LoadgenProxyTest, TheReportSaysWhatTheProxyDid) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  const RunReport report = ExecuteThroughProxy(config, {"latency:1ms"});
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_THAT(RenderSummary(config, report), HasSubstr("Fault proxy"));
  const auto json = boost::json::parse(RenderJson(config, report));
  // 4 writers and the observer of OR maps; reading back goes past the proxy.
  EXPECT_EQ(json.at("proxy").at("connections").to_number<int>(), 5);
  EXPECT_EQ(json.at("proxy").at("cut").to_number<int>(), 0);
  EXPECT_GE(json.at("proxy").at("bytes_up").to_number<uint64_t>(), report.whole.bytes_sent);
}

TEST(LoadgenProxyTest, StallsAreCountedAndPass) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.load.ops = 0;
  config.load.rate = 500;
  config.load.duration = milliseconds(1'000);
  const RunReport report = ExecuteThroughProxy(config, {"stall:200ms/400ms"});
  EXPECT_TRUE(report.verify->passed());
  EXPECT_GE(report.proxy->stalls, 2U);
  EXPECT_GE(report.measured.ack_latency.max(), 100'000'000);
}

TEST(LoadgenProxyTest, AnUnknownGatewayIsARunThatDidNotTakePlace) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.target.endpoints[0].host = "no-such-host.invalid";
  const RunReport report = ExecuteThroughProxy(config, {"latency:1ms"});
  EXPECT_EQ(report.exit_code, kExitUnreachable);
  EXPECT_THAT(report.unreachable, HasSubstr("no-such-host.invalid"));
}

}  // namespace
}  // namespace topgun::loadgen
