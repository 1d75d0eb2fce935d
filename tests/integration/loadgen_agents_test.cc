// Distributed runs: a coordinator and agents as processes of their own, against one gateway.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <csignal>
#include <fstream>
#include <iterator>

#include "exit_code.h"
#include "loadgen_fake_gateway.h"
#include "support/certificates.h"
#include "support/child_process.h"
#include "support/temp_dir.h"
#include "support/wait.h"

namespace topgun::loadgen {
namespace {

namespace json = boost::json;
using support::ChildProcess;
using support::WaitUntil;
using testing::HasSubstr;

class LoadgenAgentsTest : public testing::Test {
 protected:
  // Returns its address once it waits for runs.
  std::string StartAgent(std::vector<std::string> arguments = {}) {
    const std::string log = Path("agent-" + std::to_string(agents_.size()));
    arguments.insert(arguments.begin(), {TOPGUN_LOADGEN, "agent", "--listen", "127.0.0.1:0"});
    agents_.emplace_back(arguments, ChildProcess::Options{log, "", {}});
    const std::string announcement = "on port ";
    EXPECT_TRUE(WaitUntil([&] { return Content(log).find(announcement) != std::string::npos; }));
    const std::string text = Content(log);
    return "127.0.0.1:" +
           std::to_string(std::stoi(text.substr(text.find(announcement) + announcement.size())));
  }

  ChildProcess StartCoordinator(const std::string& agents, std::vector<std::string> arguments) {
    const std::vector<std::string> common = {
        TOPGUN_LOADGEN, "--agents", agents,   "--token", "any",      "--url", gateway_.url(),
        "--batch",      "10",       "--keys", "20",      "--warmup", "0s"};
    arguments.insert(arguments.begin(), common.begin(), common.end());
    return {arguments, {Path("output"), "", {"JWT_SECRET="}}};
  }

  int ExitCodeOf(ChildProcess child) {
    EXPECT_TRUE(child.Wait()) << Output();
    return child.exit_code().value_or(-1);
  }

  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string Output() const { return Content(Path("output")); }

  static std::string Content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const FakeGateway gateway_;
  const support::TempDir dir_;
  std::vector<ChildProcess> agents_;
};

TEST_F(LoadgenAgentsTest, TwoAgentsAreOneVerifiedRun) {
  const std::string first = StartAgent();
  const std::string agents = first + "," + StartAgent();
  ASSERT_EQ(ExitCodeOf(StartCoordinator(
                agents, {"--connections", "5", "--ops", "4001", "--map-type", "mixed", "--maps",
                         "5", "--remove-ratio", "0.2", "--subscribers", "2", "--verify", "acks",
                         "--json", Path("json"), "--ndjson", Path("ndjson")})),
            kExitOk)
      << Output();
  const json::value report = json::parse(Content(Path("json")));
  EXPECT_EQ(gateway_.counters().ops, 4'001U);
  EXPECT_EQ(report.at("throughput").at("ops_acked").to_number<int>(), 4'001);
  EXPECT_EQ(report.at("latency").at("ack").at("count").to_number<int>(), 4'001);
  int sum = 0;
  ASSERT_EQ(report.at("agents").as_array().size(), 2U);
  for (const json::value& agent : report.at("agents").as_array()) {
    EXPECT_GT(agent.at("ops_acked").to_number<int>(), 0);
    sum += agent.at("ops_acked").to_number<int>();
  }
  EXPECT_EQ(sum, 4'001);
  EXPECT_TRUE(report.at("verify").at("passed").as_bool());
  EXPECT_EQ(report.at("verify").at("acked_ops").to_number<int>(), 4'001);
  EXPECT_GT(report.at("latency").at("propagation").at("count").to_number<int>(), 0);

  // The intervals that came while it ran are the whole, too.
  std::ifstream lines(Path("ndjson"));
  double acked = 0;
  for (std::string line; std::getline(lines, line);) {
    const json::value point = json::parse(line);
    acked +=
        point.at("acked_ops_per_s").to_number<double>() * point.at("seconds").to_number<double>();
  }
  EXPECT_NEAR(acked, 4'001, 0.5);

  // Agents serve one run after the other.
  EXPECT_EQ(ExitCodeOf(StartCoordinator(agents, {"--connections", "2", "--ops", "100"})), kExitOk)
      << Output();
}

TEST_F(LoadgenAgentsTest, StepsAndPhasesAreSharedOut) {
  const std::string first = StartAgent();
  const std::string agents = first + "," + StartAgent();
  // Verdicts about punctuality are not for a test.
  ExitCodeOf(StartCoordinator(agents, {"--connections", "2", "--preload", "--steps",
                                       "200,400:300ms", "--json", Path("json")}));
  json::value report = json::parse(Content(Path("json")));
  const json::array& steps = report.at("steps").as_array();
  ASSERT_EQ(steps.size(), 2U) << Output();
  EXPECT_EQ(steps[1].at("planned_ops_per_s").to_number<int>(), 400);
  for (const json::value& step : steps) {
    int sum = 0;
    ASSERT_EQ(step.at("agents").as_array().size(), 2U);
    for (const json::value& agent : step.at("agents").as_array()) {
      sum += agent.at("ops_acked").to_number<int>();
    }
    EXPECT_EQ(step.at("throughput").at("ops_acked").to_number<int>(), sum);
  }

  std::ofstream(Path("script")) << R"([{"name": "fill", "ops": 500, "preload": true},
                                       {"name": "read", "ops": 300, "mix": "query=1"}])";
  EXPECT_EQ(ExitCodeOf(StartCoordinator(agents, {"--connections", "2", "--script", Path("script"),
                                                 "--json", Path("json")})),
            kExitOk)
      << Output();
  report = json::parse(Content(Path("json")));
  const json::array& phases = report.at("phases").as_array();
  ASSERT_EQ(phases.size(), 2U);
  EXPECT_EQ(phases[0].at("throughput").at("ops_acked").to_number<int>(), 500);
  EXPECT_EQ(phases[1].at("throughput").at("queries_answered").to_number<int>(), 300);
}

TEST_F(LoadgenAgentsTest, ASearchIsSharedOut) {
  const std::string first = StartAgent();
  const std::string agents = first + "," + StartAgent();
  // No answer is that fast: every attempt fails, down to the lowest rate.
  EXPECT_NE(ExitCodeOf(StartCoordinator(
                agents, {"--connections", "2", "--find-max", "--rate", "8", "--slo", "p99<1us",
                         "--duration", "50ms", "--json", Path("json")})),
            kExitOk);
  const json::value report = json::parse(Content(Path("json")));
  EXPECT_EQ(report.at("find_max").at("attempts").as_array().size(), 4U) << Output();
  EXPECT_EQ(report.at("find_max").at("ops_per_s").to_number<int>(), 0);
}

TEST_F(LoadgenAgentsTest, ACampaignEndsWithTheAgentThatDies) {
  const std::string first = StartAgent();
  const std::string agents = first + "," + StartAgent();
  ChildProcess coordinator = StartCoordinator(
      agents, {"--connections", "2", "--steps", "200,400:300s", "--json", Path("json")});
  ASSERT_TRUE(WaitUntil([&] { return gateway_.counters().ops > 0; }));
  agents_[1].Kill();
  EXPECT_NE(ExitCodeOf(std::move(coordinator)), kExitOk);
  EXPECT_THAT(Output(), HasSubstr("lost agent " + agents.substr(agents.find(',') + 1)));
  EXPECT_EQ(json::parse(Content(Path("json"))).at("steps").as_array().size(), 1U);
}

TEST_F(LoadgenAgentsTest, AnAgentThatIsToldToEndSpoilsTheRun) {
  const std::string agent = StartAgent();
  ChildProcess coordinator = StartCoordinator(agent, {"--connections", "1", "--duration", "300s"});
  ASSERT_TRUE(WaitUntil([&] { return gateway_.counters().ops > 0; }));
  agents_[0].Signal(SIGTERM);
  EXPECT_EQ(ExitCodeOf(std::move(coordinator)), kExitErrors);
  EXPECT_THAT(Output(), HasSubstr("ended early"));
  EXPECT_TRUE(agents_[0].Wait());
}

TEST_F(LoadgenAgentsTest, AnAgentThatDiesFailsTheRunForAll) {
  const std::string first = StartAgent();
  const std::string agents = first + "," + StartAgent();
  ChildProcess coordinator = StartCoordinator(
      agents, {"--connections", "2", "--duration", "300s", "--json", Path("json")});
  ASSERT_TRUE(WaitUntil([&] { return gateway_.counters().ops > 0; }));
  agents_[1].Kill();
  EXPECT_EQ(ExitCodeOf(std::move(coordinator)), kExitErrors) << Output();
  EXPECT_THAT(Output(), HasSubstr("lost agent " + agents.substr(agents.find(',') + 1)));
  // The other one ended well and told what it had done.
  EXPECT_EQ(json::parse(Content(Path("json"))).at("agents").as_array().size(), 1U);
  EXPECT_TRUE(agents_[0].Running());
}

TEST_F(LoadgenAgentsTest, WhatCannotStartSaysWhy) {
  const std::string agent = StartAgent();
  EXPECT_EQ(ExitCodeOf(StartCoordinator(agent + ",127.0.0.1:1", {"--connect-timeout", "300ms"})),
            kExitUnreachable);
  EXPECT_THAT(Output(), HasSubstr("agent 127.0.0.1:1: not reachable"));
  EXPECT_EQ(ExitCodeOf(StartCoordinator(agent + ",127.0.0.1:1", {"--connections", "1"})),
            kExitUsage);
  EXPECT_THAT(Output(), HasSubstr("2 agents need at least 2 --connections"));
  EXPECT_EQ(ExitCodeOf(StartCoordinator(
                agent, {"--url", "ws://127.0.0.1:1/ws", "--connect-timeout", "300ms"})),
            kExitUnreachable);
  EXPECT_THAT(Output(), HasSubstr("agent " + agent + ": "));
  EXPECT_EQ(gateway_.counters().ops, 0U);
}

TEST_F(LoadgenAgentsTest, ABusyAgentRefusesASecondRun) {
  const std::string agent = StartAgent();
  ChildProcess first = StartCoordinator(agent, {"--connections", "1", "--duration", "300s"});
  ASSERT_TRUE(WaitUntil([&] { return gateway_.counters().ops > 0; }));
  EXPECT_EQ(ExitCodeOf(StartCoordinator(agent, {})), kExitUnreachable);
  EXPECT_THAT(Output(), HasSubstr("busy with another run"));
  // An interrupted coordinator ends the run everywhere, with a report.
  first.Signal(SIGINT);
  EXPECT_EQ(ExitCodeOf(std::move(first)), kExitOk) << Output();
  EXPECT_THAT(Output(), HasSubstr("Result (interrupted)"));
}

TEST_F(LoadgenAgentsTest, WithTlsBothSidesNeedACertificateOfTheAuthority) {
  const support::CertificateAuthority authority;
  const auto flags = [&authority](const std::string& name) -> std::vector<std::string> {
    const auto pair = authority.Issue(name, {"127.0.0.1"});
    return {"--grpc-tls-certificate-file", pair.certificate, "--grpc-tls-key-file", pair.key,
            "--grpc-tls-ca-file",          authority.file()};
  };
  const std::string agent = StartAgent(flags("agent"));
  EXPECT_EQ(ExitCodeOf(StartCoordinator(agent, {"--connect-timeout", "1s"})), kExitUnreachable);
  std::vector<std::string> coordinator = flags("coordinator");
  coordinator.insert(coordinator.end(), {"--connections", "1", "--ops", "100"});
  EXPECT_EQ(ExitCodeOf(StartCoordinator(agent, coordinator)), kExitOk) << Output();
  EXPECT_EQ(gateway_.counters().ops, 100U);
  EXPECT_EQ(ExitCodeOf(StartCoordinator(agent, {"--grpc-tls-ca-file", authority.file()})),
            kExitUsage);
  EXPECT_THAT(Output(), HasSubstr("gRPC with TLS needs all of"));
}

TEST_F(LoadgenAgentsTest, AnAgentForOneCoordinatorEndsAfterItsLastRun) {
  const std::string agent = StartAgent({"--once"});
  std::ofstream(Path("script")) << R"([{"ops": 100}, {"ops": 200}])";
  EXPECT_EQ(ExitCodeOf(StartCoordinator(agent, {"--connections", "1", "--script", Path("script")})),
            kExitOk)
      << Output();
  EXPECT_EQ(gateway_.counters().ops, 300U);
  EXPECT_TRUE(agents_[0].Wait());
  EXPECT_EQ(agents_[0].exit_code(), kExitOk);
}

}  // namespace
}  // namespace topgun::loadgen
