// --kill-cmd: what is asked for, and what is said about it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "config.h"
#include "distributed/share.h"
#include "exit_code.h"
#include "report/json_report.h"
#include "report/series.h"
#include "report/summary.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

ParsedConfig ParseKill(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"topgun-loadgen", "--no-auth", "--quiet"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return ParseConfig(static_cast<int>(argv.size()), argv.data());
}

TEST(KillOptionsTest, TheCommandHasASchedule) {
  auto parsed = ParseKill({"--kill-cmd", "pkill -9 topgun-sync"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  EXPECT_EQ(parsed.config->faults.kill_command, "pkill -9 topgun-sync");
  EXPECT_EQ(parsed.config->faults.kill_every, milliseconds(10'000));
  parsed = ParseKill({"--kill-cmd", "true", "--kill-every", "500ms", "--duration", "1s"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  EXPECT_EQ(parsed.config->faults.kill_every, milliseconds(500));
  EXPECT_TRUE(ParseKill({}).config->faults.kill_command.empty());

  // The coordinator runs it.
  Config part = *parsed.config;
  TakeShare(0, 2, &part);
  EXPECT_TRUE(part.faults.kill_command.empty());
}

TEST(KillOptionsTest, WhatCannotWorkIsRefused) {
  const auto error = [](const std::vector<std::string>& arguments) {
    const ParsedConfig parsed = ParseKill(arguments);
    EXPECT_EQ(parsed.exit_code, kExitUsage);
    return parsed.text;
  };
  EXPECT_THAT(error({"--kill-cmd", " "}), HasSubstr("--kill-cmd: expected a command"));
  EXPECT_THAT(error({"--kill-every", "5s"}), HasSubstr("--kill-every is for --kill-cmd"));
  for (const char* bad : {"0s", "5", "soon", "-1s"}) {
    EXPECT_THAT(error({"--kill-cmd=true", std::string("--kill-every=") + bad}),
                HasSubstr("--kill-every: expected a time like 10s"));
  }
  EXPECT_THAT(error({"--kill-cmd", "true", "--duration", "10s"}),
              HasSubstr("--kill-every 10s: a measurement of 10s is over before"));
  // These end when they are done.
  EXPECT_TRUE(ParseKill({"--kill-cmd", "true", "--duration", "1s", "--ops", "1000"}).config);
  EXPECT_TRUE(
      ParseKill({"--scenario", "merkle-cold", "--kill-cmd", "true", "--duration", "1s"}).config);
}

RunReport KilledRun(uint64_t runs, uint64_t failed) {
  RunReport report;
  report.seconds = 1;
  report.window.ops_acked = report.whole.ops_acked = 10;
  report.kill.emplace();
  report.kill->runs = runs;
  report.kill->failed = failed;
  report.kill->skipped = 4;
  report.kill->last_failure = failed > 0 ? "exit status 1" : "";
  report.kill->executions = {{1.5, 0.25, ""}};
  Judge(Config(), &report);
  JudgeKill(&report);
  return report;
}

TEST(KillReportTest, ACommandWithoutEffectFailsTheRun) {
  EXPECT_EQ(KilledRun(2, 1).exit_code, kExitOk);
  const RunReport failed = KilledRun(2, 2);
  EXPECT_EQ(failed.exit_code, kExitErrors);
  EXPECT_EQ(failed.problems.back(), "--kill-cmd failed every time, last: exit status 1");
  const RunReport never = KilledRun(0, 0);
  EXPECT_EQ(never.exit_code, kExitErrors);
  EXPECT_THAT(never.problems.back(), HasSubstr("--kill-cmd never ran"));
}

TEST(KillReportTest, IsToldInSummaryJsonAndSeries) {
  Config config;
  config.faults.kill_command = "kill \"it\"";
  config.faults.kill_every = milliseconds(2'000);
  RunReport report = KilledRun(3, 1);
  Interval interval;
  interval.phase = "measure";
  interval.kill_runs = 2;
  report.series.push_back(MakePoint(interval));
  EXPECT_THAT(RenderSummary(config, report), HasSubstr("Kill command"));
  EXPECT_THAT(RenderSummary(config, report), HasSubstr("3, 1"));
  const boost::json::value json = boost::json::parse(RenderJson(config, report));
  EXPECT_EQ(json.at("parameters").at("kill command"), "every 2 s: kill \"it\"");
  const auto& kill = json.at("kill_cmd");
  EXPECT_EQ(kill.at("runs").to_number<int>(), 3);
  EXPECT_EQ(kill.at("failed").to_number<int>(), 1);
  EXPECT_EQ(kill.at("skipped").to_number<int>(), 4);
  EXPECT_EQ(kill.at("executions").at(0).at("at_s").to_number<double>(), 1.5);
  EXPECT_EQ(json.at("series").at(0).at("kill_runs").to_number<int>(), 2);
}

}  // namespace
}  // namespace topgun::loadgen
