// Scenarios: presets under the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config.h"
#include "exit_code.h"
#include "options/scenario.h"

namespace topgun::loadgen {
namespace {

using testing::HasSubstr;

ParsedConfig ParseScenario(std::vector<std::string> arguments) {
  std::vector<const char*> argv = {"topgun-loadgen", "--no-auth"};
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  return ParseConfig(static_cast<int>(argv.size()), argv.data());
}

TEST(ScenarioTest, EveryScenarioIsAValidCommandLine) {
  for (const Scenario& scenario : Scenarios()) {
    const auto parsed = ParseScenario({"--scenario", scenario.name});
    ASSERT_TRUE(parsed.config) << scenario.name << ": " << parsed.text;
    EXPECT_EQ(parsed.config->scenario, scenario.name);
    EXPECT_FALSE(scenario.summary.empty());
  }
}

TEST(ScenarioTest, GivenOptionsWinOverTheScenarioWhereverTheyStand) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--scenario", "query", "--connections", "3"},
        {"--connections", "3", "--scenario", "query"},
        {"--connections=3", "--scenario=query"}}) {
    const auto parsed = ParseScenario(arguments);
    ASSERT_TRUE(parsed.config) << parsed.text;
    EXPECT_EQ(parsed.config->load.connections, 3U);
    EXPECT_EQ(parsed.config->clients.subscribers, 20U);
    EXPECT_EQ(parsed.config->verify.mode, Verify::kLive);
  }
}

TEST(ScenarioTest, TheLastOfTwoEqualOptionsWins) {
  const auto parsed = ParseScenario({"--scenario=ycsb-d", "--batch=2", "--batch=3"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  EXPECT_EQ(parsed.config->load.batch, 3U);
  EXPECT_EQ(parsed.config->data.key_distribution.kind, KeyDistribution::kSequential);
}

TEST(ScenarioTest, UnknownNamesAreErrorsWithTheListAndASuggestion) {
  const auto parsed = ParseScenario({"--scenario", "ycsb-g"});
  EXPECT_EQ(parsed.exit_code, kExitUsage);
  EXPECT_THAT(parsed.text, HasSubstr("did you mean ycsb-a?"));
  EXPECT_THAT(parsed.text, HasSubstr("tombstone-churn"));
  EXPECT_THAT(ParseScenario({"--scenario", "zzzzzzzz"}).text, HasSubstr("there are smoke"));
}

TEST(ScenarioTest, TheListTellsNamesAndOptions) {
  const auto parsed = ParseScenario({"--list-scenarios"});
  EXPECT_EQ(parsed.exit_code, kExitOk);
  EXPECT_FALSE(parsed.config);
  for (const Scenario& scenario : Scenarios()) EXPECT_THAT(parsed.text, HasSubstr(scenario.name));
  EXPECT_THAT(parsed.text, HasSubstr("--write-concern=PERSISTED"));
}

TEST(OptionTest, AMisspeltOptionIsToldTheNearestName) {
  const auto parsed = ParseScenario({"--scenrio=smoke"});
  EXPECT_EQ(parsed.exit_code, kExitUsage);
  EXPECT_THAT(parsed.text, HasSubstr("did you mean --scenario?"));
}

TEST(VerifyOptionsTest, LiveVerificationNeedsLiveQueries) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--verify=live"},
        {"--verify=live", "--subscribers=2", "--map-type=or"},
        {"--verify=full", "--subscribers=2", "--map-type=mixed"},
        {"--verify=live", "--subscribers=1000", "--keys=10000"},
        {"--verify=acks", "--ttl-ratio=0.5"}}) {
    const auto parsed = ParseScenario(arguments);
    EXPECT_EQ(parsed.exit_code, kExitUsage) << arguments[0];
    EXPECT_THAT(parsed.text, HasSubstr(arguments[0].substr(9)));
  }
  EXPECT_TRUE(ParseScenario({"--verify=live", "--subscribers=2"}).config);
}

}  // namespace
}  // namespace topgun::loadgen
