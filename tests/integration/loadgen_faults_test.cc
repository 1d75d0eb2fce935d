// Whole runs that are disturbed on purpose: by a command beside them, and by frames out of order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "exit_code.h"
#include "loadgen_fake_gateway.h"
#include "loadgen_small_run.h"
#include "report/summary.h"
#include "scenario_run.h"
#include "support/temp_dir.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

// Counts what it is told about the kill command, phase by phase.
class KillsTold final : public RunObserver {
 public:
  void OnInterval(const Interval& interval) override { runs += interval.kill_runs; }

  uint64_t runs = 0;
};

RunReport ExecuteDisturbed(const Config& config, RunObserver* observer = nullptr) {
  const std::atomic<bool> interrupted{false};
  return RunScenario(config, interrupted, observer, [](uint32_t) {});
}

TEST(LoadgenFaultsTest, TheKillCommandRunsWhileLoadIsMeasured) {
  const FakeGateway gateway;
  const support::TempDir dir;
  const std::string path = dir.path() + "/runs";
  Config config = SmallRun(gateway);
  config.load.ops = 0;
  config.load.rate = 500;
  config.load.duration = milliseconds(1'500);
  config.faults.kill_command = "echo x >> " + path;
  config.faults.kill_every = milliseconds(200);
  KillsTold told;
  const RunReport report = ExecuteDisturbed(config, &told);
  ASSERT_TRUE(report.kill) << RenderSummary(config, report);
  EXPECT_GT(report.kill->runs, 0U);
  EXPECT_EQ(report.kill->failed, 0U);
  EXPECT_EQ(told.runs, report.kill->runs);
  std::ifstream file(path);
  const std::string written(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(written.size(), 2 * report.kill->runs);
  EXPECT_TRUE(report.verify->passed());
}

TEST(LoadgenFaultsTest, AKillCommandThatOnlyFailsFailsTheRun) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.load.ops = 0;
  config.load.duration = milliseconds(500);
  config.faults.kill_command = "no-such-program-anywhere";
  config.faults.kill_every = milliseconds(100);
  const RunReport report = ExecuteDisturbed(config);
  EXPECT_EQ(report.exit_code, kExitErrors);
  ASSERT_FALSE(report.problems.empty());
  EXPECT_THAT(report.problems.back(), HasSubstr("failed every time, last: exit status 127"));
}

TEST(LoadgenFaultsTest, HalfOfTheFramesLeaveOutOfOrder) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.faults.reorder = 0.5;
  const RunReport report = ExecuteDisturbed(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
  EXPECT_EQ(report.measured.ack_latency.count(), 2'000U);
  // Every other one of 50 frames per connection; the last of 10 operations each.
  EXPECT_EQ(report.whole.frames_reordered, 100U);
  EXPECT_EQ(gateway.counters().late_ops, 1'000U);
  EXPECT_EQ(gateway.counters().repeated_ops, 0U);
  EXPECT_TRUE(report.verify->passed());
  EXPECT_THAT(RenderSummary(config, report), HasSubstr("frames sent out of order"));
}

TEST(LoadgenFaultsTest, AnOpenLoopReordersItsShare) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.load.rate = 10'000;
  config.load.inflight = 1;  // of no meaning here
  config.faults.reorder = 0.2;
  const RunReport report = ExecuteDisturbed(config);
  EXPECT_TRUE(report.verify->passed()) << RenderSummary(config, report);
  EXPECT_EQ(report.unacked_ops, 0U);
  EXPECT_EQ(gateway.counters().late_ops, 10 * report.whole.frames_reordered);
  EXPECT_NEAR(static_cast<double>(report.whole.frames_reordered), 0.2 * 200, 20);
}

// The frame that was overtaken gets no answer, after the one that overtook it was acknowledged:
// taking that acknowledgement for its own would lose it.
TEST(LoadgenFaultsTest, WhatWasOvertakenIsNotAcknowledgedByWhatOvertookIt) {
  for (const uint32_t batch : {2U, 5U}) {
    const FakeGateway gateway({.close_on_batch = batch});
    Config config = SmallRun(gateway);
    config.load.connections = 1;
    config.load.ops = 400;
    config.faults.reorder = 0.5;
    const RunReport report = ExecuteDisturbed(config);
    EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
    EXPECT_EQ(report.whole.ops_acked, 400U);
    EXPECT_EQ(report.whole.reconnects, 1U);
    EXPECT_TRUE(report.verify->passed());
  }
}

TEST(LoadgenFaultsTest, ReorderedFramesComeThroughOverloadAndRefusals) {
  // All of the first window is refused, on the same connections that AUTH_ACK then revives.
  const FakeGateway gateway({.refuse_every = 50, .overload_batches = 8});
  Config config = SmallRun(gateway);
  config.faults.reorder = 0.5;
  config.faults.duplicate = 0.1;
  const RunReport report = ExecuteDisturbed(config);
  EXPECT_EQ(report.unacked_ops, 0U) << RenderSummary(config, report);
  EXPECT_GT(report.whole.ops_refused, 0U);
  EXPECT_EQ(report.whole.ops_acked + report.whole.ops_refused, 2'000U);
  EXPECT_TRUE(report.verify->passed());
}

TEST(LoadgenFaultsTest, ReorderedFramesSurviveBrokenConnections) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.load.ops = 0;
  config.load.rate = 2'000;
  config.load.duration = milliseconds(1'500);
  config.data.preload = true;
  config.faults.reorder = 0.3;
  config.faults.disconnect_rate = 8;
  const RunReport report = ExecuteDisturbed(config);
  EXPECT_TRUE(report.verify->passed()) << RenderSummary(config, report);
  EXPECT_EQ(report.unacked_ops, 0U);
  EXPECT_GT(report.whole.breaks, 0U);
  EXPECT_GT(report.whole.frames_reordered, 0U);
}

TEST(LoadgenFaultsTest, QueriesBetweenTheFramesHoldNothingUp) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.load.inflight = 2;
  config.load.ops = 400;
  config.data.map_type = MapType::kLww;
  config.data.mix = *ParseOpMix("put=40,query=40,rmw=20");
  config.data.remove_ratio = 0;
  config.faults.reorder = 0.4;
  const RunReport report = ExecuteDisturbed(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_EQ(report.unacked_ops + report.unanswered_queries, 0U);
  EXPECT_GT(report.whole.frames_reordered, 0U);
}

}  // namespace
}  // namespace topgun::loadgen
