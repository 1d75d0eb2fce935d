// Whole runs that are disturbed on purpose, by a command beside them.
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

}  // namespace
}  // namespace topgun::loadgen
