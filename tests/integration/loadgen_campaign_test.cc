// Several runs in a row by the binary itself, for its JSON.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "exit_code.h"
#include "loadgen_fake_gateway.h"
#include "support/child_process.h"
#include "support/temp_dir.h"

namespace topgun::loadgen {
namespace {

class LoadgenCampaignTest : public testing::Test {
 protected:
  int RunBinary(std::vector<std::string> more) {
    std::vector<std::string> arguments = {TOPGUN_LOADGEN, "--token", "any",           "--url",
                                          gateway_.url(), "--quiet", "--batch",       "5",
                                          "--keys",       "50",      "--connections", "4",
                                          "--json",       json_path_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    support::ChildProcess child(arguments, {dir_.path() + "/output", "", {"JWT_SECRET="}});
    EXPECT_TRUE(child.Wait());
    return child.exit_code().value_or(-1);
  }

  boost::json::value Json() const { return boost::json::parse(Read(json_path_)); }
  std::string Output() const { return Read(dir_.path() + "/output"); }

  static std::string Read(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const FakeGateway gateway_;
  const support::TempDir dir_;
  const std::string json_path_ = dir_.path() + "/run.json";
};

TEST_F(LoadgenCampaignTest, EveryStepHasAResult) {
  RunBinary({"--steps", "200,400:200ms", "--warmup", "0s"});
  const boost::json::value json = Json();
  const boost::json::array& steps = json.at("steps").as_array();
  ASSERT_EQ(steps.size(), 2U) << Output();
  EXPECT_EQ(steps[1].at("planned_ops_per_s").to_number<double>(), 400);
  EXPECT_GT(steps[1].at("throughput").at("ops_acked").to_number<uint64_t>(), 0U);
  EXPECT_GT(steps[1].at("latency").at("by_type").at("put").at("count").to_number<uint64_t>(), 0U);
  EXPECT_EQ(json.at("schedule").at("planned_ops_per_s").to_number<double>(), 400);
}

TEST_F(LoadgenCampaignTest, PhasesOfAScriptRunOneAfterTheOther) {
  const std::string script = dir_.path() + "/script.json";
  std::ofstream(script) << R"([{"name": "fill", "ops": 500, "preload": true},
                               {"name": "read", "ops": 300, "mix": "query=1"}])";
  EXPECT_EQ(RunBinary({"--script", script}), kExitOk) << Output();
  const boost::json::value json = Json();
  const boost::json::array& phases = json.at("phases").as_array();
  ASSERT_EQ(phases.size(), 2U);
  EXPECT_EQ(phases[0].at("name").as_string(), "fill");
  EXPECT_EQ(phases[0].at("throughput").at("ops_acked").to_number<uint64_t>(), 500U);
  EXPECT_EQ(phases[1].at("throughput").at("queries_answered").to_number<uint64_t>(), 300U);
}

TEST_F(LoadgenCampaignTest, ASearchTellsItsAttempts) {
  // No answer is that fast: every attempt fails, down to the lowest rate.
  EXPECT_NE(RunBinary({"--find-max", "--rate", "8", "--slo", "p99<1us", "--duration", "50ms",
                       "--warmup", "0s"}),
            kExitOk)
      << Output();
  const boost::json::value json = Json();
  EXPECT_EQ(json.at("find_max").at("ops_per_s").to_number<double>(), 0);
  EXPECT_EQ(json.at("find_max").at("attempts").as_array().size(), 4U);
  EXPECT_FALSE(json.at("find_max").at("attempts").at(0).at("passed").as_bool());
}

}  // namespace
}  // namespace topgun::loadgen
