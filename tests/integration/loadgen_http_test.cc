// Runs of the load generator that write by POST /sync, against a gateway that can misbehave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exit_code.h"
#include "loadgen_fake_gateway.h"
#include "loadgen_small_run.h"
#include "options/http_sync.h"
#include "report/summary.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

Config HttpRun(const FakeGateway& gateway) {
  Config config = SmallRun(gateway);
  config.target.http_sync = true;
  config.load.inflight = 1;
  return config;
}

TEST(LoadgenHttpTest, WritesAreAcknowledgedAndVerified) {
  const FakeGateway gateway;
  const Config config = HttpRun(gateway);
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
  EXPECT_EQ(report.measured.ack_latency.count(), 2'000U);
  EXPECT_EQ(gateway.counters().ops, 2'000U);
  EXPECT_EQ(gateway.counters().repeated_ops, 0U);
  // A first request per connection shows that the endpoint is there.
  EXPECT_EQ(gateway.counters().sync_requests, 4U + 200U);
  // Kept alive: beside the writers there are the observer of OR maps and who reads back.
  EXPECT_EQ(gateway.counters().connections, 6U);
  EXPECT_GT(report.window.bytes_sent, 2'000U * 100);
  ASSERT_TRUE(report.verify);
  EXPECT_EQ(report.verify->acked_ops, 2'000U);
  EXPECT_GT(report.verify->keys_checked, 0U);
}

TEST(LoadgenHttpTest, LossesAreFound) {
  const FakeGateway gateway({.lose_every = 7});
  EXPECT_EQ(Execute(HttpRun(gateway)).exit_code, kExitVerification);
}

TEST(LoadgenHttpTest, OpenLoopSendsWhatIsDueWithTheNextRequest) {
  const FakeGateway gateway;
  Config config = HttpRun(gateway);
  config.load.ops = 1'000;
  config.load.rate = 20'000;
  const RunReport report = Execute(config);
  EXPECT_TRUE(report.verify->passed());
  EXPECT_EQ(report.whole.ops_acked, 1'000U);
  EXPECT_EQ(report.window.schedule_lag.count(), 100U);
  EXPECT_LE(report.measured.ack_latency_sent.max(), report.measured.ack_latency.max());
  EXPECT_EQ(gateway.counters().repeated_ops, 0U);
}

TEST(LoadgenHttpTest, RefusedOpsAreErrorsAndTheOthersAreSentAgain) {
  const FakeGateway gateway({.refuse_every = 50});
  const RunReport report = Execute(HttpRun(gateway));
  EXPECT_EQ(report.exit_code, kExitErrors);
  EXPECT_GT(report.whole.ops_refused, 0U);
  EXPECT_EQ(report.whole.ops_acked + report.whole.ops_refused, 2'000U);
  EXPECT_EQ(report.whole.errors.size(), 0U);
  EXPECT_TRUE(report.verify->passed());
}

TEST(LoadgenHttpTest, AnOverloadedServerIsAskedAgain) {
  const FakeGateway gateway({.overload_batches = 2});
  const RunReport report = Execute(HttpRun(gateway));
  EXPECT_EQ(report.exit_code, kExitOk);
  EXPECT_EQ(report.whole.errors.at(429), 2U);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
}

TEST(LoadgenHttpTest, AConnectionThatIsLostIsMadeAgain) {
  const FakeGateway gateway({.close_on_batch = 20});
  const RunReport report = Execute(HttpRun(gateway));
  EXPECT_EQ(report.exit_code, kExitOk);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
  EXPECT_EQ(report.whole.closes, 1U);
  EXPECT_EQ(report.whole.reconnects, 1U);
  EXPECT_EQ(report.whole.close_reasons.count("closed by the server"), 1U);
}

TEST(LoadgenHttpTest, AServerThatKeepsNothingAliveGetsAConnectionPerRequest) {
  const FakeGateway gateway({.keep_alive = false});
  Config config = HttpRun(gateway);
  config.load.ops = 200;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk);
  EXPECT_EQ(report.window.ops_acked, 200U);
  EXPECT_EQ(gateway.counters().sync_requests, 4U + 20U);
  EXPECT_GE(gateway.counters().connections, 24U);
}

TEST(LoadgenHttpTest, BrokenConnectionsLoseNothing) {
  const FakeGateway gateway;
  Config config = HttpRun(gateway);
  config.load.ops = 0;
  config.load.rate = 1'000;
  config.load.duration = milliseconds(1'500);
  config.faults.disconnect_rate = 4;
  const RunReport report = Execute(config);
  EXPECT_TRUE(report.verify->passed());
  EXPECT_GT(report.whole.breaks, 0U);
  EXPECT_EQ(report.unacked_ops, 0U);
}

TEST(LoadgenHttpTest, AnEndpointThatIsNotThereIsNamed) {
  const FakeGateway gateway({.sync_status = 404});
  const RunReport report = Execute(HttpRun(gateway));
  EXPECT_EQ(report.exit_code, kExitUnreachable);
  EXPECT_THAT(report.unreachable, HasSubstr("POST /sync was answered with HTTP 404"));
}

TEST(LoadgenHttpTest, AServerThatIsNotReadyIsTriedAgain) {
  const FakeGateway gateway({.sync_status = 503});
  Config config = HttpRun(gateway);
  config.target.connect_timeout = milliseconds(300);
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitUnreachable);
  EXPECT_THAT(report.unreachable, HasSubstr("HTTP 503"));
  EXPECT_EQ(report.whole.errors.count(503), 1U);
}

}  // namespace
}  // namespace topgun::loadgen
