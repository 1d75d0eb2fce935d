// Whole runs of the load generator against a gateway that can misbehave. The last group runs the
// binary itself, for its exit codes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "exit_code.h"
#include "loadgen_fake_gateway.h"
#include "loadgen_small_run.h"
#include "report/json_report.h"
#include "report/summary.h"
#include "support/child_process.h"
#include "support/temp_dir.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using support::ChildProcess;
using testing::HasSubstr;

TEST(LoadgenRunTest, MixedWritesAreAcknowledgedAndVerified) {
  const FakeGateway gateway;
  const Config config = SmallRun(gateway);
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk) << RenderSummary(config, report);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
  EXPECT_EQ(report.measured.ack_latency.count(), 2'000U);
  EXPECT_EQ(report.unacked_ops, 0U);
  EXPECT_EQ(gateway.counters().ops, 2'000U);
  EXPECT_EQ(gateway.counters().repeated_ops, 0U);
  ASSERT_TRUE(report.verify);
  EXPECT_EQ(report.verify->acked_ops, 2'000U);
  EXPECT_GT(report.verify->keys_checked, 0U);
  EXPECT_GT(report.verify->tags_checked, 0U);
  EXPECT_EQ(report.verify->or_proof, "Merkle walk");
}

TEST(LoadgenRunTest, OrMapsAreVerifiedByEventsWithoutMerkleSync) {
  const FakeGateway gateway({.merkle = false});
  const RunReport report = Execute(SmallRun(gateway));
  EXPECT_EQ(report.exit_code, kExitOk);
  EXPECT_EQ(report.verify->or_proof, "live events");
  EXPECT_GT(report.verify->tags_checked, 0U);
}

TEST(LoadgenRunTest, EventsThatNeverComeFailTheVerification) {
  const FakeGateway gateway({.merkle = false, .events = false});
  const RunReport report = Execute(SmallRun(gateway));
  EXPECT_EQ(report.exit_code, kExitVerification);
  EXPECT_GT(report.verify->missing, 0U);
}

TEST(LoadgenRunTest, AcknowledgedAndLostWritesAreFound) {
  for (const MapType type : {MapType::kLww, MapType::kOr}) {
    const FakeGateway gateway({.lose_every = 7});
    Config config = SmallRun(gateway);
    config.data.map_type = type;
    const RunReport report = Execute(config);
    EXPECT_EQ(report.exit_code, kExitVerification);
    EXPECT_GT(report.verify->findings(), 0U);
    EXPECT_FALSE(report.verify->examples.empty());
  }
}

TEST(LoadgenRunTest, PhantomAcknowledgementsAreFound) {
  for (const MapType type : {MapType::kLww, MapType::kOr}) {
    const FakeGateway gateway;
    Config config = SmallRun(gateway);
    config.data.map_type = type;
    config.verify.inject_loss = 3;
    const RunReport report = Execute(config);
    EXPECT_EQ(report.exit_code, kExitVerification);
    EXPECT_EQ(report.verify->findings(), 3U);
  }
}

TEST(LoadgenRunTest, UnacknowledgedOpsAreSentAgainAfterAReconnect) {
  const FakeGateway gateway({.close_on_batch = 20});
  const RunReport report = Execute(SmallRun(gateway));
  EXPECT_EQ(report.exit_code, kExitOk);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
  EXPECT_EQ(report.whole.closes, 1U);
  EXPECT_EQ(report.whole.reconnects, 1U);
  EXPECT_EQ(report.whole.ready_latency.count(), 6U);  // 4 writers, the observer, the reconnect
}

TEST(LoadgenRunTest, OverloadIsCountedAndAuthAckRevives) {
  // 4 connections with 3 frames in flight: all of them are refused, and nobody sends by itself.
  const FakeGateway gateway({.overload_batches = 12});
  const RunReport report = Execute(SmallRun(gateway));
  EXPECT_EQ(report.exit_code, kExitOk);
  EXPECT_EQ(report.whole.errors.at(429), 12U);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
}

TEST(LoadgenRunTest, RefusedOpsAreErrorsAndNotLosses) {
  const FakeGateway gateway({.refuse_every = 50});
  const RunReport report = Execute(SmallRun(gateway));
  EXPECT_EQ(report.exit_code, kExitErrors);
  EXPECT_EQ(report.whole.ops_refused, 40U);
  EXPECT_EQ(report.whole.ops_acked, 1'960U);
  EXPECT_TRUE(report.verify->passed());
}

TEST(LoadgenRunTest, OpsThatAreNeverAcknowledgedAreErrors) {
  const FakeGateway gateway({.acks = false});
  Config config = SmallRun(gateway);
  config.load.ops = 0;
  config.load.duration = milliseconds(100);
  config.load.drain_timeout = milliseconds(100);
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitErrors);
  EXPECT_EQ(report.unacked_ops, 4U * 3U * 10U);
}

TEST(LoadgenRunTest, FullResendRepeatsEverythingUnacknowledged) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.faults.resend = Resend::kFull;
  const RunReport report = Execute(config);
  EXPECT_EQ(report.exit_code, kExitOk);
  EXPECT_EQ(report.window.ops_acked, 2'000U);
  EXPECT_GT(report.window.ops_resent, 0U);
  EXPECT_EQ(gateway.counters().repeated_ops, report.window.ops_resent);
}

TEST(LoadgenRunTest, OpenLoopKeepsItsScheduleAndTimesPropagation) {
  const FakeGateway gateway;
  Config config = SmallRun(gateway);
  config.load.ops = 1'000;
  config.load.rate = 2'000;
  config.load.threads = 2;
  config.clients.subscribers = 2;
  const RunReport report = Execute(config);
  EXPECT_TRUE(report.verify->passed());
  EXPECT_EQ(report.window.schedule_lag.count(), 100U);  // frames of 10 operations
  EXPECT_EQ(report.measured.ack_latency.count(), report.whole.ops_acked);
  EXPECT_GT(report.measured.propagation.count(), 0U);
  EXPECT_GE(report.measured.ack_latency.max(), report.measured.ack_latency_sent.max());
}

TEST(LoadgenRunTest, NoAuthModeGreetsAndRuns) {
  const FakeGateway gateway({.no_auth = true});
  Config config = SmallRun(gateway);
  config.target.token.clear();
  config.target.no_auth = true;
  EXPECT_EQ(Execute(config).exit_code, kExitOk);
}

TEST(LoadgenRunTest, RefusedTokenIsUnreachable) {
  const FakeGateway gateway({.refuse_token = true});
  const RunReport report = Execute(SmallRun(gateway));
  EXPECT_EQ(report.exit_code, kExitUnreachable);
  EXPECT_THAT(report.unreachable, HasSubstr("Authentication failed"));
}

TEST(LoadgenRunTest, JsonReportHoldsWhatWasMeasured) {
  const FakeGateway gateway;
  const Config config = SmallRun(gateway);
  const RunReport report = Execute(config);
  const boost::json::value json = boost::json::parse(RenderJson(config, report));
  EXPECT_EQ(json.at("exit_code").as_int64(), 0);
  EXPECT_EQ(json.at("throughput").at("ops_acked").to_number<uint64_t>(), 2'000U);
  EXPECT_EQ(json.at("acked_by_level").at("APPLIED").to_number<uint64_t>(), 2'000U);
  EXPECT_TRUE(json.at("verify").at("passed").as_bool());
  EXPECT_GT(json.at("latency").at("ack").at("p99").as_double(), 0);
}

class LoadgenBinaryTest : public testing::Test {
 protected:
  int RunBinary(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), TOPGUN_LOADGEN);
    ChildProcess child(arguments, {output_path_, "", {"JWT_SECRET="}});
    EXPECT_TRUE(child.Wait());
    return child.exit_code().value_or(-1);
  }

  std::string Output() const {
    std::ifstream file(output_path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const support::TempDir dir_;
  const std::string output_path_ = dir_.path() + "/output";
};

TEST_F(LoadgenBinaryTest, SmokePassesAndItsNegativeControlFails) {
  const FakeGateway gateway;
  const std::vector<std::string> smoke = {"--scenario", "smoke",       "--token", "any",
                                          "--url",      gateway.url(), "--ops",   "5000"};
  EXPECT_EQ(RunBinary(smoke), kExitOk) << Output();
  EXPECT_THAT(Output(), HasSubstr("Verification passed"));

  std::vector<std::string> control = smoke;
  control.insert(control.end(), {"--inject-loss", "1"});
  EXPECT_EQ(RunBinary(control), kExitVerification) << Output();
  EXPECT_THAT(Output(), HasSubstr("Verification FAILED"));
}

TEST_F(LoadgenBinaryTest, UsageAndUnreachableHaveTheirCodes) {
  EXPECT_EQ(RunBinary({"--no-such-option"}), kExitUsage);
  EXPECT_EQ(RunBinary({}), kExitUsage);  // no token
  EXPECT_THAT(Output(), HasSubstr("no token"));
  EXPECT_EQ(RunBinary({"--help"}), kExitOk);
  EXPECT_EQ(RunBinary({"--no-auth", "--url", "ws://127.0.0.1:1/ws", "--connect-timeout", "200ms"}),
            kExitUnreachable);
}

}  // namespace
}  // namespace topgun::loadgen
