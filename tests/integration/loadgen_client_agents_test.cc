// Scenarios whose clients do not write, shared out among agents: as processes of their own, against
// one gateway.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "exit_code.h"
#include "loadgen_fake_gateway.h"
#include "support/child_process.h"
#include "support/temp_dir.h"
#include "support/wait.h"

namespace topgun::loadgen {
namespace {

using support::ChildProcess;
using testing::HasSubstr;
using testing::Not;

class LoadgenClientAgentsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 2; ++i) {
      const std::string log = Path("agent-" + std::to_string(i));
      agents_.emplace_back(
          std::vector<std::string>{TOPGUN_LOADGEN, "agent", "--listen", "127.0.0.1:0"},
          ChildProcess::Options{log, "", {}});
      const std::string announcement = "on port ";
      ASSERT_TRUE(
          support::WaitUntil([&] { return Content(log).find(announcement) != std::string::npos; }));
      const std::string text = Content(log);
      addresses_ += (i == 0 ? "127.0.0.1:" : ",127.0.0.1:") +
                    std::to_string(std::stoi(text.substr(text.find(announcement) + 8)));
    }
  }

  // Its JSON report, once it has ended with this code.
  boost::json::value Run(const FakeGateway& gateway, int exit_code,
                         std::vector<std::string> options) {
    const std::vector<std::string> common = {TOPGUN_LOADGEN, "--agents", addresses_,
                                             "--token",      "any",      "--url",
                                             gateway.url(),  "--json",   Path("json")};
    options.insert(options.begin(), common.begin(), common.end());
    ChildProcess coordinator(options, {Path("output"), "", {"JWT_SECRET="}});
    EXPECT_TRUE(coordinator.Wait());
    EXPECT_EQ(coordinator.exit_code().value_or(-1), exit_code) << Output();
    return boost::json::parse(Content(Path("json")));
  }

  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  std::string Output() const { return Content(Path("output")); }

  static std::string Content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const support::TempDir dir_;
  std::vector<ChildProcess> agents_;
  std::string addresses_;
};

uint64_t WorkOfAll(const boost::json::value& report) {
  uint64_t sum = 0;
  EXPECT_EQ(report.at("agents").as_array().size(), 2U);
  for (const auto& agent : report.at("agents").as_array()) {
    EXPECT_GT(agent.at("work").to_number<uint64_t>(), 0U);
    sum += agent.at("work").to_number<uint64_t>();
  }
  return sum;
}

TEST_F(LoadgenClientAgentsTest, AnIdleFleetIsTheConnectionsOfAll) {
  const FakeGateway gateway;
  const auto report =
      Run(gateway, kExitOk,
          {"--scenario", "idle", "--connections", "7", "--conn-rate", "0", "--duration", "3s",
           "--pids", "agent=" + std::to_string(agents_[0].pid()), "--kill-cmd", "echo run here",
           "--kill-every", "1s"});
  EXPECT_EQ(report.at("fleet").at("connections").to_number<int>(), 7);
  EXPECT_EQ(report.at("fleet").at("lost").to_number<int>(), 0);
  EXPECT_EQ(report.at("latency").at("open").at("count").to_number<int>(), 7);
  EXPECT_EQ(report.at("latency").at("connect").at("count").to_number<int>(), 7);
  EXPECT_EQ(WorkOfAll(report), 7U);
  EXPECT_EQ(gateway.counters().connections, 7U);
  // The coordinator looks at the processes, before, opened and held.
  const auto& memory = report.at("fleet").at("memory").at("agent");
  EXPECT_GT(memory.at("before").at("rss_bytes").to_number<uint64_t>(), 0U);
  EXPECT_GT(memory.at("held").at("rss_bytes").to_number<uint64_t>(), 0U);
  EXPECT_THAT(Output(), HasSubstr("idle: "));
  // Nor do agents run commands.
  EXPECT_GT(report.at("kill_cmd").at("runs").to_number<int>(), 0);
  EXPECT_EQ(report.at("kill_cmd").at("failed").to_number<int>(), 0);
  EXPECT_THAT(Output(), HasSubstr("kill-cmd: run here\n"));
  for (const char* const log : {"agent-0", "agent-1"}) {
    EXPECT_THAT(Content(Path(log)), Not(HasSubstr("run here")));
  }
}

TEST_F(LoadgenClientAgentsTest, AStormIsTheClientsOfAll) {
  const FakeGateway gateway;
  const auto report = Run(
      gateway, kExitOk, {"--scenario", "connect-storm", "--connections", "4", "--duration", "1s"});
  const auto cycles = report.at("fleet").at("cycles").to_number<uint64_t>();
  EXPECT_GT(cycles, 4U);
  EXPECT_EQ(report.at("fleet").at("cycles_failed").to_number<int>(), 0);
  EXPECT_EQ(report.at("latency").at("answer").at("count").to_number<uint64_t>(), cycles);
  EXPECT_EQ(WorkOfAll(report), cycles);
}

TEST_F(LoadgenClientAgentsTest, SyncsAddUp) {
  const FakeGateway gateway;
  const auto report = Run(gateway, kExitOk,
                          {"--scenario", "merkle-cold", "--map-type", "or", "--keys", "200",
                           "--connections", "3", "--syncs", "2"});
  const auto& merkle = report.at("merkle");
  EXPECT_EQ(merkle.at("syncs").to_number<int>(), 6);
  EXPECT_EQ(merkle.at("keys").to_number<int>(), 200);
  EXPECT_EQ(merkle.at("mismatches").to_number<int>(), 0);
  EXPECT_EQ(report.at("latency").at("sync").at("count").to_number<int>(), 6);
  EXPECT_EQ(WorkOfAll(report), 6U);
  EXPECT_THAT(Output(), HasSubstr("-a0-or-0, "));
}

TEST_F(LoadgenClientAgentsTest, ARefusedTokenIsTold) {
  const FakeGateway gateway({.refuse_token = true});
  Run(gateway, kExitUnreachable,
      {"--scenario", "idle", "--connections", "2", "--conn-rate", "0", "--connect-timeout", "2s"});
  EXPECT_THAT(Output(), HasSubstr("agent 127.0.0.1:"));
}

}  // namespace
}  // namespace topgun::loadgen
