// Several runs in a row: steps, the search for the capacity, scripts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <string>
#include <vector>

#include "config.h"
#include "driver/campaign.h"
#include "driver/capacity_search.h"
#include "exit_code.h"
#include "options/plan.h"
#include "options/script.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

ParsedConfig ParsePlan(const std::vector<std::string>& arguments) {
  std::vector<const char*> argv = {"topgun-loadgen", "--no-auth", "--quiet"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return ParseConfig(static_cast<int>(argv.size()), argv.data());
}

// The rates that are tried when everything up to `capacity` passes.
std::vector<double> Tried(CapacitySearch& search, double capacity) {
  std::vector<double> rates;
  while (const auto rate = search.Next()) {
    rates.push_back(*rate);
    search.Report(*rate <= capacity);
  }
  return rates;
}

TEST(CapacitySearchTest, DoublesAndThenHalvesTheGap) {
  CapacitySearch search({.start = 1'000, .tolerance = 0.05});
  const std::vector<double> rates = Tried(search, 5'000);
  ASSERT_GT(rates.size(), 4U);
  EXPECT_THAT(std::vector<double>(rates.begin(), rates.begin() + 4),
              ElementsAre(1'000, 2'000, 4'000, 8'000));
  EXPECT_TRUE(search.converged());
  EXPECT_LE(search.best(), 5'000);
  EXPECT_GT(search.failed(), 5'000);
  EXPECT_LE(search.failed(), search.best() * 1.05);
}

TEST(CapacitySearchTest, GoesDownWhenTheStartIsTooHigh) {
  CapacitySearch search({.start = 64'000, .tolerance = 0.05});
  const std::vector<double> rates = Tried(search, 5'000);
  EXPECT_EQ(rates[4], 4'000);
  EXPECT_TRUE(search.converged());
  EXPECT_GT(search.best(), 4'700);
}

TEST(CapacitySearchTest, EndsWhenNothingPasses) {
  CapacitySearch search({.start = 16, .tolerance = 0.05});
  EXPECT_EQ(Tried(search, 0).size(), 5U);
  EXPECT_TRUE(search.converged());
  EXPECT_EQ(search.best(), 0);
}

TEST(CapacitySearchTest, EndsWhenEverythingPasses) {
  CapacitySearch search({.start = 1, .tolerance = 0.05, .attempts_max = 10});
  EXPECT_EQ(Tried(search, 1e18).size(), 10U);
  EXPECT_FALSE(search.converged());
  EXPECT_EQ(search.best(), 512);
}

TEST(PlanOptionsTest, StepsAreRatesWithACommonLength) {
  const auto parsed = ParsePlan({"--steps", "10k,20k,40k:30s"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  EXPECT_THAT(parsed.config->plan.steps, ElementsAre(10'000, 20'000, 40'000));
  EXPECT_EQ(parsed.config->load.duration, milliseconds(30'000));
  EXPECT_TRUE(parsed.config->load.open_loop());
  EXPECT_EQ(ParsePlan({"--steps", "1k", "--duration", "7s"}).config->load.duration,
            milliseconds(7'000));
}

TEST(PlanOptionsTest, ASearchHasShortAttemptsUnlessToldOtherwise) {
  const auto parsed = ParsePlan({"--find-max", "--slo", "p99<50ms, errors<0.1%"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  EXPECT_EQ(parsed.config->load.duration, milliseconds(10'000));
  EXPECT_EQ(parsed.config->load.rate, 10'000);
  ASSERT_EQ(parsed.config->plan.objectives.size(), 2U);
  EXPECT_EQ(parsed.config->plan.objectives[0].name, "ack.p99");
  EXPECT_EQ(parsed.config->plan.objectives[1].name, "errors");
  EXPECT_EQ(ParsePlan({"--find-max", "--duration", "3s"}).config->load.duration,
            milliseconds(3'000));
}

TEST(PlanOptionsTest, ContradictionsAreUsageErrors) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--steps", "10k,,20k"},
                                                    {"--steps", "10k:soon"},
                                                    {"--steps", "0"},
                                                    {"--steps", "10k", "--mode", "closed"},
                                                    {"--steps", "10k", "--ops", "100"},
                                                    {"--find-max", "--steps", "10k"},
                                                    {"--find-max", "--slo", "p99"},
                                                    {"--find-max", "--slo", "speed>1"},
                                                    {"--find-max", "--ramp", "0:1s:10"},
                                                    {"--script", "/no/such/file"}}) {
    const auto parsed = ParsePlan(arguments);
    EXPECT_FALSE(parsed.config) << arguments[0];
    EXPECT_EQ(parsed.exit_code, kExitUsage);
    EXPECT_THAT(parsed.text, HasSubstr("--"));
  }
}

TEST(ScriptTest, MembersAreOptions) {
  const auto phases = ParseScript(
      R"([{"name": "fill", "ops": 1000, "preload": true, "quiet": false}, {"rate": "50k"}])");
  ASSERT_TRUE(phases.ok()) << Message(phases.status());
  ASSERT_EQ(phases->size(), 2U);
  EXPECT_EQ((*phases)[0].name, "fill");
  EXPECT_THAT((*phases)[0].options, ElementsAre("--ops=1000", "--preload"));
  EXPECT_EQ((*phases)[1].name, "phase 2");
  EXPECT_THAT((*phases)[1].options, ElementsAre("--rate=50k"));
}

TEST(ScriptTest, MistakesAreNamed) {
  for (const auto& [script, error] : {std::pair{"", "line 1"},
                                      {"[{]", "line 1"},
                                      {"[]\n\n[", "line 3"},
                                      {"{}", "list"},
                                      {"[]", "list"},
                                      {"[1]", "phase 1: must be an object"},
                                      {R"([{"name": "a", "rate": []}])", "a: rate must be"},
                                      {R"([{"name": "a", "rate": null}])", "a: rate must be"},
                                      {R"([{"name": "a", "json": "x"}])", "a: json belongs"}}) {
    const auto phases = ParseScript(script);
    ASSERT_FALSE(phases.ok()) << script;
    EXPECT_THAT(std::string(Message(phases.status())), HasSubstr(error)) << script;
  }
}

class ScriptFileTest : public testing::Test {
 protected:
  std::string Write(const std::string& content) {
    std::ofstream(path_) << content;
    return path_;
  }

  const std::string path_ = testing::TempDir() + "loadgen_plan_test_script.json";
};

TEST_F(ScriptFileTest, PhasesShareTheCommandLineAndOverrideIt) {
  const std::string path =
      Write(R"([{"name": "one", "rate": "2k"}, {"name": "two", "scenario": "query", "keys": 50}])");
  const auto parsed = ParsePlan({"--script", path, "--connections", "7", "--keys", "300"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  ASSERT_EQ(parsed.phases.size(), 2U);
  EXPECT_EQ(parsed.phases[0].config.load.rate, 2'000);
  EXPECT_EQ(parsed.phases[0].config.data.keys, 300U);
  EXPECT_EQ(parsed.phases[1].config.load.rate, 0);
  EXPECT_EQ(parsed.phases[1].config.load.connections, 7U);
  EXPECT_EQ(parsed.phases[1].config.data.keys, 50U);
  EXPECT_EQ(parsed.phases[1].config.verify.mode, Verify::kLive);
}

TEST_F(ScriptFileTest, AWrongOptionNamesItsPhase) {
  const auto parsed = ParsePlan({"--script", Write(R"([{"name": "peak", "ratio": 3}])")});
  EXPECT_EQ(parsed.exit_code, kExitUsage);
  EXPECT_THAT(parsed.text, HasSubstr("peak"));
  EXPECT_THAT(parsed.text, HasSubstr("--ratio"));
}

// A target that acknowledges everything at once up to its capacity.
RunReport Simulate(const Config& config, double capacity) {
  RunReport report;
  report.seconds = 10;
  report.window.ops_acked = static_cast<uint64_t>(std::min(config.load.rate, capacity) * 10);
  const bool slow = config.load.rate > capacity;
  report.measured.ack_latency.Record(slow ? 80'000'000 : 1'000'000, 100);
  return report;
}

// What an agent must come to on its own.
void ExpectSameRun(const Config& a, const Config& b) {
  EXPECT_EQ(a.scenario, b.scenario);
  EXPECT_NEAR(a.load.rate, b.load.rate, 1e-6 * b.load.rate);
  EXPECT_EQ(a.load.duration, b.load.duration);
  EXPECT_EQ(a.load.warmup, b.load.warmup);
  EXPECT_EQ(a.load.ops, b.load.ops);
  EXPECT_EQ(a.load.connections, b.load.connections);
  EXPECT_EQ(a.data.preload, b.data.preload);
  EXPECT_EQ(a.data.keys, b.data.keys);
  EXPECT_EQ(a.verify.mode, b.verify.mode);
}

TEST_F(ScriptFileTest, AgentsMakeOutTheSameRunsOfTheCommandLine) {
  const std::string path = Write(
      R"([{"name": "one", "rate": "2k"}, {"name": "two", "scenario": "query", "keys": 50, "ops": 9}])");
  for (const std::vector<std::string>& plan : {std::vector<std::string>{"--steps", "100,300:7s"},
                                               {"--find-max", "--slo", "p99<50ms"},
                                               {"--script", path}}) {
    std::vector<std::string> arguments = {"--no-auth", "--quiet", "--preload", "--connections", "7",
                                          "--keys",    "300",     "--agents",  "a:1,b:1"};
    arguments.insert(arguments.end(), plan.begin(), plan.end());
    const auto parsed = ParsePlan({arguments.begin() + 2, arguments.end()});
    ASSERT_TRUE(parsed.config) << parsed.text;
    const std::atomic<bool> interrupted{false};
    size_t runs = 0;
    Campaign(*parsed.config, parsed.phases, interrupted, [&](const NamedConfig& run) {
      ++runs;
      const auto agents = ParseRun(arguments, run.overrides);
      EXPECT_TRUE(agents.ok()) << Message(agents.status());
      if (agents.ok()) ExpectSameRun(*agents, run.config);
      return Simulate(run.config, 123'456);
    }).Execute();
    EXPECT_GE(runs, 2U);
  }
}

TEST(CampaignTest, TheSearchFindsTheCapacityOfATarget) {
  const Config config = *ParsePlan({"--find-max", "--slo", "p99<50ms", "--preload"}).config;
  const std::atomic<bool> interrupted{false};
  int preloads = 0;
  const RunReport report = Campaign(config, {}, interrupted, [&](const NamedConfig& attempt) {
                             preloads += attempt.config.data.preload;
                             return Simulate(attempt.config, 123'456);
                           }).Execute();
  ASSERT_TRUE(report.campaign);
  EXPECT_EQ(report.exit_code, kExitOk);
  EXPECT_LE(report.campaign->best_rate, 123'456);
  EXPECT_GT(report.campaign->best_rate, 117'000);
  EXPECT_EQ(report.campaign->config.load.rate, report.campaign->best_rate);
  EXPECT_EQ(preloads, 1);
  EXPECT_THAT(RenderCampaign(*report.campaign), HasSubstr("capacity with p99<50ms"));
}

TEST(CampaignTest, ATargetThatKeepsNothingIsAFailure) {
  const Config config = *ParsePlan({"--find-max", "--slo", "p99<50ms"}).config;
  const std::atomic<bool> interrupted{false};
  const RunReport report = Campaign(config, {}, interrupted, [&](const NamedConfig& attempt) {
                             return Simulate(attempt.config, 0);
                           }).Execute();
  EXPECT_EQ(report.exit_code, kExitErrors);
  EXPECT_EQ(report.campaign->best_rate, 0);
  EXPECT_THAT(report.problems, ElementsAre("no rate kept p99<50ms"));
}

TEST(CampaignTest, StepsReportTheWorstOfTheirVerdicts) {
  const Config config = *ParsePlan({"--steps", "10,20,30:1s"}).config;
  const std::atomic<bool> interrupted{false};
  const RunReport report = Campaign(config, {}, interrupted, [&](const NamedConfig& step) {
                             RunReport one = Simulate(step.config, 100);
                             if (step.config.load.rate != 20) return one;
                             one.exit_code = kExitBottleneck;
                             one.problems = {"INVALID"};
                             return one;
                           }).Execute();
  ASSERT_EQ(report.campaign->parts.size(), 3U);
  EXPECT_EQ(report.exit_code, kExitBottleneck);
  EXPECT_THAT(report.problems, ElementsAre("step 2 of 3: INVALID"));
  EXPECT_EQ(report.window.ops_acked, 300U);
}

TEST(CampaignTest, NothingFollowsARunThatLostAnAgent) {
  for (const std::vector<std::string>& plan :
       {std::vector<std::string>{"--steps", "10,20,30:1s"}, {"--find-max", "--rate", "10"}}) {
    const Config config = *ParsePlan(plan).config;
    const std::atomic<bool> interrupted{false};
    const RunReport report = Campaign(config, {}, interrupted, [&](const NamedConfig& run) {
                               RunReport one = Simulate(run.config, 1'000);
                               if (run.config.load.rate != 20) return one;
                               one.lost_agents = {"agent a:1: died"};
                               one.exit_code = kExitErrors;
                               one.problems = {"lost agent a:1: died"};
                               return one;
                             }).Execute();
    EXPECT_EQ(report.campaign->parts.size(), 2U) << plan[0];
    EXPECT_EQ(report.exit_code, kExitErrors) << plan[0];
    EXPECT_THAT(report.problems, ElementsAre(HasSubstr("lost agent a:1"))) << plan[0];
  }
}

TEST(CampaignTest, AnInterruptEndsIt) {
  const Config config = *ParsePlan({"--steps", "10,20,30:1s"}).config;
  std::atomic<bool> interrupted{false};
  const RunReport report = Campaign(config, {}, interrupted, [&](const NamedConfig& step) {
                             interrupted = true;
                             return Simulate(step.config, 100);
                           }).Execute();
  EXPECT_EQ(report.campaign->parts.size(), 1U);
  EXPECT_TRUE(report.interrupted);
}

}  // namespace
}  // namespace topgun::loadgen
