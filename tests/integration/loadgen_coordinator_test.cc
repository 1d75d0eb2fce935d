// The coordinator against agents that do not behave: scripted services behind real gRPC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "distributed/coordinator.h"
#include "distributed/stats_codec.h"
#include "exit_code.h"
#include "rpc/server.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

using Stream = grpc::ServerReaderWriter<v1::RunEvent, v1::RunRequest>;

RunReport Report(uint64_t acked, uint64_t frames, uint64_t late) {
  RunReport report;
  report.seconds = 2;
  report.window.ops_acked = acked;
  report.window.frames_late = late;
  report.window.schedule_lag.Record(1'000, frames);
  report.measured = report.window;
  report.measured.ack_latency.Record(1'000'000, acked);
  report.whole = report.measured;
  return report;
}

void Send(Stream& stream, const std::function<void(v1::RunEvent&)>& fill) {
  v1::RunEvent event;
  fill(event);
  stream.Write(event);
}

void SayConnected(Stream& stream) {
  Send(stream, [](v1::RunEvent& event) { event.mutable_connected(); });
}

void SayFinished(Stream& stream, const RunReport& report) {
  Send(stream, [&](v1::RunEvent& event) { *event.mutable_finished() = ToProto(report); });
}

// Until a request that `wanted` accepts; false: the call has ended.
bool Await(Stream& stream, bool (v1::RunRequest::*wanted)() const) {
  v1::RunRequest request;
  while (stream.Read(&request)) {
    if ((request.*wanted)()) return true;
  }
  return false;
}

// An agent on a port of its own that plays `script` when a coordinator calls.
class ScriptedAgent final : public v1::Agent::Service {
 public:
  using Script = std::function<void(Stream&)>;

  explicit ScriptedAgent(Script script)
      : script_(std::move(script)), server_({.listen = "127.0.0.1:0"}, registry_) {
    server_.AddService(this);
    EXPECT_TRUE(server_.Start().ok());
    server_.SetServing(true);
  }
  ~ScriptedAgent() override { server_.Shutdown(milliseconds(0)); }

  grpc::Status Run(grpc::ServerContext*, Stream* stream) override {
    ++calls;
    script_(*stream);
    return grpc::Status::OK;
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(server_.port()); }

  std::atomic<int> calls{0};

 private:
  const Script script_;
  metrics::Registry registry_{"scripted-agent"};
  rpc::Server server_;
};

// Answers every run with the report.
ScriptedAgent::Script Obedient(const RunReport& report) {
  return [report](Stream& stream) {
    while (Await(stream, &v1::RunRequest::has_prepare)) {
      SayConnected(stream);
      if (!Await(stream, &v1::RunRequest::has_start)) return;
      SayFinished(stream, report);
    }
  };
}

class CoordinatorTest : public testing::Test {
 protected:
  CoordinatorTest() { run_.config.load.rate = 1'000; }

  RunReport Execute(const std::vector<const ScriptedAgent*>& agents) {
    Coordinator coordinator = Make(agents);
    return coordinator.Execute(run_);
  }

  Coordinator Make(const std::vector<const ScriptedAgent*>& agents) {
    for (const ScriptedAgent* const agent : agents) {
      run_.config.distributed.agents.push_back(agent->address());
    }
    return {run_.config.distributed, {}, interrupted_, nullptr, patience_};
  }

  NamedConfig run_;
  Patience patience_;
  std::atomic<bool> interrupted_{false};
};

TEST_F(CoordinatorTest, ReportsAreMergedAndJudgedAsOne) {
  const ScriptedAgent one(Obedient(Report(100, 10, 0)));
  const ScriptedAgent two(Obedient(Report(300, 10, 0)));
  const RunReport report = Execute({&one, &two});
  EXPECT_EQ(report.exit_code, kExitOk) << testing::PrintToString(report.problems);
  EXPECT_EQ(report.window.ops_acked, 400U);
  EXPECT_EQ(report.measured.ack_latency.count(), 400U);
  EXPECT_THAT(report.agents, SizeIs(2));
}

TEST_F(CoordinatorTest, OneCallServesAllRunsOfACampaign) {
  ScriptedAgent agent(Obedient(Report(100, 10, 0)));
  {
    Coordinator coordinator = Make({&agent});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(coordinator.Execute(run_).window.ops_acked, 100U);
  }
  EXPECT_EQ(agent.calls, 1);
}

TEST_F(CoordinatorTest, OneLateAgentSpoilsTheRun) {
  // One frame of two hundred is late, but they are all of one agent.
  const ScriptedAgent punctual(Obedient(Report(100, 190, 0)));
  const ScriptedAgent late(Obedient(Report(100, 10, 1)));
  const RunReport report = Execute({&punctual, &late});
  EXPECT_LT(report.LateShare(), 0.01);
  EXPECT_FALSE(report.valid);
  EXPECT_EQ(report.exit_code, kExitBottleneck);
  EXPECT_THAT(report.problems, ElementsAre(HasSubstr("late on agent " + late.address())));
}

TEST_F(CoordinatorTest, AnAgentThatFallsSilentIsLost) {
  patience_.silence = milliseconds(3'000);
  const ScriptedAgent well(Obedient(Report(100, 10, 0)));
  const ScriptedAgent silent([](Stream& stream) {
    SayConnected(stream);
    // Hears everything, says nothing, until the coordinator gives up.
    Await(stream, &v1::RunRequest::has_prepare);
    while (Await(stream, &v1::RunRequest::has_start)) {
    }
  });
  const RunReport report = Execute({&well, &silent});
  EXPECT_EQ(report.exit_code, kExitErrors);
  EXPECT_THAT(report.lost_agents,
              ElementsAre(HasSubstr(silent.address() + ": has given no sign for ")));
  EXPECT_EQ(report.window.ops_acked, 100U);  // of the other one
}

TEST_F(CoordinatorTest, AnAgentThatNeverConnectsIsNotWaitedForForEver) {
  patience_.silence = milliseconds(100);
  const ScriptedAgent stuck([](Stream& stream) {
    while (Await(stream, &v1::RunRequest::has_start)) {
    }
  });
  run_.config.target.connect_timeout = milliseconds(1'000);
  const RunReport report = Execute({&stuck});
  EXPECT_EQ(report.exit_code, kExitUnreachable);
  EXPECT_THAT(report.unreachable, HasSubstr(stuck.address() + ": has given no sign"));
}

TEST_F(CoordinatorTest, AnAgentThatEndsEarlyIsLost) {
  RunReport cut_short = Report(40, 10, 0);
  cut_short.interrupted = true;
  const ScriptedAgent agent(Obedient(cut_short));
  const RunReport report = Execute({&agent});
  EXPECT_EQ(report.exit_code, kExitErrors);
  EXPECT_THAT(report.lost_agents, ElementsAre(HasSubstr("ended early")));
  EXPECT_EQ(report.window.ops_acked, 40U);
}

TEST_F(CoordinatorTest, AnInterruptStopsTheAgents) {
  const ScriptedAgent agent([this](Stream& stream) {
    SayConnected(stream);
    if (!Await(stream, &v1::RunRequest::has_start)) return;
    interrupted_ = true;
    if (!Await(stream, &v1::RunRequest::has_stop)) return;
    RunReport stopped = Report(10, 10, 0);
    stopped.interrupted = true;
    SayFinished(stream, stopped);
  });
  const RunReport report = Execute({&agent});
  EXPECT_TRUE(report.interrupted);
  EXPECT_EQ(report.exit_code, kExitOk) << testing::PrintToString(report.problems);
  EXPECT_EQ(report.window.ops_acked, 10U);
}

TEST_F(CoordinatorTest, AnInterruptEndsTheWaitForAnAgent) {
  run_.config.distributed.agents = {"127.0.0.1:1"};
  run_.config.target.connect_timeout = std::chrono::minutes(60);
  interrupted_ = true;
  EXPECT_EQ(Make({}).Execute(run_).exit_code, kExitUnreachable);
}

}  // namespace
}  // namespace topgun::loadgen
