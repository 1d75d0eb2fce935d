// The command of --kill-cmd as a process.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "driver/kill_loop.h"
#include "support/wait.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class KillLoopTest : public testing::Test {
 protected:
  KillLoop::Options Options(const std::string& command) {
    KillLoop::Options options;
    options.command = command;
    options.every = milliseconds(20);
    options.output = output_.get();
    options.grace = support::kPatience;
    return options;
  }

  // Until the command has been begun so often.
  void Await(KillLoop& loop, uint64_t runs) {
    loop.Begin();
    uint64_t begun = 0;
    EXPECT_TRUE(support::WaitUntil([&] { return (begun += loop.TakeBegun()) >= runs; }));
  }

  std::string Said() const {
    std::fflush(output_.get());
    std::ifstream file("/proc/self/fd/" + std::to_string(fileno(output_.get())));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> output_{std::tmpfile()};
};

TEST_F(KillLoopTest, TheCommandRunsAgainAndAgainAndIsHeard) {
  KillLoop loop(Options("echo out; echo error >&2; printf 'no line end'"));
  Await(loop, 3);
  loop.Calm();
  const KillReport report = loop.Stop();
  EXPECT_GE(report.runs, 3U);
  EXPECT_EQ(report.failed, 0U);
  EXPECT_EQ(report.cut_short, 0U);
  ASSERT_EQ(report.executions.size(), report.runs);
  for (const KillReport::Execution& each : report.executions) EXPECT_EQ(each.failure, "");
  EXPECT_GE(report.executions[1].at_s, report.executions[0].at_s);
  EXPECT_THAT(Said(), StartsWith("kill-cmd: out\nkill-cmd: error\nkill-cmd: no line end\n"));
  EXPECT_FALSE(report.had_no_effect());
}

TEST_F(KillLoopTest, NothingRunsOutsideTheMeasurement) {
  KillLoop loop(Options("echo out"));
  loop.Calm();  // the phases before it
  EXPECT_EQ(loop.TakeBegun(), 0U);
  Await(loop, 1);
  loop.Calm();
  loop.Begin();  // what comes later is no other measurement
  EXPECT_GE(loop.Stop().runs, 1U);
  KillLoop never(Options("echo never"));
  EXPECT_EQ(never.Stop().runs, 0U);
  EXPECT_THAT(Said(), Not(HasSubstr("never")));
}

TEST_F(KillLoopTest, FailuresAreCountedWithTheirLastWords) {
  KillLoop loop(Options("echo first; echo no such thing >&2; exit 3"));
  Await(loop, 2);
  KillReport report = loop.Stop();
  EXPECT_EQ(report.failed, report.runs);
  EXPECT_EQ(report.last_failure, "exit status 3: no such thing");
  EXPECT_EQ(report.executions[0].failure, "exit status 3");
  EXPECT_TRUE(report.had_no_effect());

  KillLoop killed(Options("kill -9 $$"));
  Await(killed, 1);
  report = killed.Stop();
  EXPECT_EQ(report.last_failure, "signal 9 (Killed)");
}

TEST_F(KillLoopTest, NeverTwoAtATime) {
  KillLoop::Options options = Options("sleep 0.3");
  options.grace = milliseconds(0);
  KillLoop loop(options);
  Await(loop, 2);
  const KillReport report = loop.Stop();
  // A dozen are due while the first one sleeps.
  EXPECT_GE(report.skipped, 10U);
  EXPECT_EQ(report.failed, 0U);
  EXPECT_EQ(report.executions.size(), report.runs);
}

TEST_F(KillLoopTest, TheEndOfTheRunEndsAllThatTheCommandStarted) {
  KillLoop::Options options = Options("sleep 1000 & echo $!; wait");
  options.grace = milliseconds(0);
  KillLoop loop(options);
  loop.Begin();
  EXPECT_TRUE(support::WaitUntil([&] { return Said().find('\n') != std::string::npos; }));
  const KillReport report = loop.Stop();
  EXPECT_EQ(report.runs, 1U);
  EXPECT_EQ(report.cut_short, 1U);
  EXPECT_EQ(report.failed, 0U);
  EXPECT_FALSE(report.had_no_effect());
  const std::string said = Said();
  const int sleeper = std::stoi(said.substr(said.find(' ')));
  EXPECT_TRUE(support::WaitUntil([&] {
    // Empty for a process that nobody has reaped yet.
    std::ifstream file("/proc/" + std::to_string(sleeper) + "/cmdline");
    return std::string(std::istreambuf_iterator<char>(file), {}).empty();
  }));
}

TEST_F(KillLoopTest, TheCommandHasNoDescriptorsOfOurs) {
  const int ours = fcntl(STDOUT_FILENO, F_DUPFD, 200);
  ASSERT_GE(ours, 200);
  KillLoop loop(Options("[ -e /proc/self/fd/" + std::to_string(ours) +
                        " ] && echo open || echo closed; [ -t 0 ] || read line || echo no input"));
  Await(loop, 1);
  loop.Stop();
  close(ours);
  EXPECT_THAT(Said(), StartsWith("kill-cmd: closed\nkill-cmd: no input\n"));
}

}  // namespace
}  // namespace topgun::loadgen
