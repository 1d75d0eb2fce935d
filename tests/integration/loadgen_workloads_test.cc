// Whole runs with the workloads that a scenario is made of: mixes, queries, preloading, pauses.
#include <gtest/gtest.h>

#include "exit_code.h"
#include "loadgen_fake_gateway.h"
#include "loadgen_small_run.h"
#include "report/summary.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;

Config RunWithMix(const FakeGateway& gateway, const std::string& mix) {
  Config config = SmallRun(gateway);
  config.data.mix = *ParseOpMix(mix);
  config.data.map_type = config.data.mix.Maps();
  config.data.remove_ratio = 0;
  return config;
}

TEST(LoadgenWorkloadsTest, AMixOfEverythingIsVerified) {
  const FakeGateway gateway;
  const Config config = RunWithMix(gateway, "put=4,remove=1,or-add=3,or-remove=2,query=1");
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  for (const Histogram& kind : report.measured.ack_by_kind) EXPECT_GT(kind.count(), 0U);
  // One query for ten writes, but for what the last frames of the connections owe.
  EXPECT_EQ(report.window.ops_acked + report.window.queries_answered, 2'000U);
  EXPECT_NEAR(static_cast<double>(report.window.queries_answered), 2'000 / 11.0, 10);
  EXPECT_EQ(report.measured.query_latency.count(), report.window.queries_answered);
  EXPECT_GT(report.window.query_rows, 0U);
}

TEST(LoadgenWorkloadsTest, QueriesAloneAreARunToo) {
  const FakeGateway gateway;
  Config config = RunWithMix(gateway, "query=1");
  config.verify.mode = Verify::kNone;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_EQ(report.window.queries_answered, 2'000U);
  EXPECT_EQ(gateway.counters().ops, 0U);
}

TEST(LoadgenWorkloadsTest, WhatWasReadIsWrittenAgain) {
  const FakeGateway gateway;
  Config config = RunWithMix(gateway, "rmw=1");
  config.load.ops = 200;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_EQ(report.whole.queries_answered, 200U);
  EXPECT_EQ(report.whole.ops_acked, 200U);
}

TEST(LoadgenWorkloadsTest, QueriesAreAskedAgainAfterAReconnect) {
  const FakeGateway gateway({.close_on_batch = 20});
  Config config = RunWithMix(gateway, "put=1,query=1");
  config.load.ops = 500;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_EQ(report.whole.reconnects, 1U);
  EXPECT_EQ(report.unanswered_queries, 0U);
}

TEST(LoadgenWorkloadsTest, OpenLoopsAskTheirQueriesByTheSchedule) {
  const FakeGateway gateway;
  Config config = RunWithMix(gateway, "put=1,query=1");
  config.load.rate = 4'000;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.window.ops_acked + report.window.queries_answered, 2'000U);
  EXPECT_NEAR(static_cast<double>(report.window.queries_answered), 1'000, 50);
  EXPECT_TRUE(report.verify->passed());
}

TEST(LoadgenWorkloadsTest, EveryKeyIsWrittenBeforeTheMeasurement) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.data.preload = true;
  config.load.rate = 10'000;  // is not that of the preload
  const RunReport report = Execute(config);
  EXPECT_EQ(report.whole.ops_acked, 2'000U + 4 * 20);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
  EXPECT_TRUE(report.verify->passed());
}

TEST(LoadgenWorkloadsTest, PreloadingOwesNoQueries) {
  const FakeGateway gateway;
  for (const char* const mix : {"query=1", "put=1,query=9"}) {
    Config config = RunWithMix(gateway, mix);
    config.data.preload = true;
    config.load.batch = 1;
    config.load.ops = 200;
    const RunReport report = Execute(config);
    EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
    EXPECT_EQ(report.whole.ops_acked + report.whole.queries_answered, 200U + 4 * 20);
    EXPECT_EQ(report.window.ops_acked > 0, std::string(mix) != "query=1");
  }
}

TEST(LoadgenWorkloadsTest, FramesThatComeTwiceChangeNothing) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.faults.duplicate = 1;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
  EXPECT_EQ(report.window.ops_resent, 2'000U);
  // The last ones may still be on their way.
  EXPECT_GT(gateway.counters().repeated_ops, 0U);
}

TEST(LoadgenWorkloadsTest, PausesAndSkewedClocksLoseNothing) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.load.ops = 500;
  config.load.think = *ParseThinkTime("exp:1ms");
  config.data.clock_skew = milliseconds(5'000);
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_EQ(report.window.ops_acked, 500U);
}

TEST(LoadgenWorkloadsTest, ConnectionsBeginOneAfterTheOther) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.clients.subscribers = 3;
  config.clients.connect_rate = 100;
  config.target.connect_timeout = milliseconds(10'000);
  config.load.threads = 2;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  // Writers, subscribers, the observer of OR maps, and who reads back.
  EXPECT_EQ(gateway.counters().connections, 4U + 3 + 1 + 1);
}

TEST(LoadgenWorkloadsTest, TheCoolDownIsNotMeasured) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.load.ops = 0;
  config.load.duration = milliseconds(100);
  config.load.cooldown = milliseconds(100);
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_GT(report.whole.ops_acked, report.window.ops_acked);
  EXPECT_EQ(report.measured.ack_latency.count(), report.measured.ops_acked);
}

Config LiveRun(const FakeGateway& gateway) {
  Config config = SmallRun(gateway);
  config.data.map_type = MapType::kLww;
  config.clients.subscribers = 3;
  config.verify.mode = Verify::kFull;
  return config;
}

TEST(LoadgenWorkloadsTest, LiveQueriesShowWhatWasAcknowledged) {
  const FakeGateway gateway;
  Config config = LiveRun(gateway);
  config.load.threads = 2;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  ASSERT_TRUE(report.verify);
  EXPECT_EQ(report.verify->live_rows_checked, 3 * report.verify->keys_checked);
  EXPECT_EQ(report.verify->live_proof, "updates of 12 live queries");
  EXPECT_GT(report.whole.query_updates_received, 0U);
}

TEST(LoadgenWorkloadsTest, UpdatesThatNeverComeAreFound) {
  const FakeGateway gateway({.lose_update_every = 5});
  Config config = LiveRun(gateway);
  config.verify.mode = Verify::kLive;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitVerification);
  EXPECT_GT(report.verify->findings(), 0U);
  EXPECT_EQ(report.verify->keys_checked, 0U);
}

TEST(LoadgenWorkloadsTest, ARampIsASchedule) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.load.ops = 0;
  config.load.duration = milliseconds(300);
  config.load.ramp = RateCurve{0, 10'000, 0.3};
  config.load.rate = 5'000;
  config.load.cpus = {0};
  const RunReport report = Execute(config);
  EXPECT_GT(report.window.schedule_lag.count(), 0U);
  EXPECT_TRUE(report.verify->passed());
}

}  // namespace
}  // namespace topgun::loadgen
