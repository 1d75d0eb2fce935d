// topgun-supervisor with small real programs: what it starts, restarts and stops.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "supervisor/child.h"
#include "supervisor/control.h"
#include "supervisor/log_file.h"
#include "supervisor/ports.h"
#include "support/child_process.h"
#include "support/temp_dir.h"
#include "support/wait.h"

namespace topgun::supervisor {
namespace {

using support::ChildProcess;
using support::TempDir;
using support::WaitUntil;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool Alive(pid_t pid) { return kill(pid, 0) == 0; }

class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() {
    std::filesystem::create_directories(dir_ / "run");
    std::filesystem::create_directories(dir_ / "log");
  }

  void Start(const std::string& spec, std::vector<std::string> options = {}) {
    std::ofstream(dir_ / "run/cluster.spec") << spec;
    std::vector<std::string> command = {TOPGUN_SUPERVISOR, "--dir", dir_.path()};
    command.insert(command.end(), options.begin(), options.end());
    ChildProcess::Options log;
    log.output_path = dir_ / "supervisor.log";
    supervisor_ = ChildProcess(command, log);
  }

  bool WaitReady() {
    return WaitUntil([&] { return std::filesystem::exists(dir_ / "run/ready"); });
  }

  // 0 while there is none.
  pid_t PidOf(const std::string& name) const {
    pid_t pid = 0;
    std::ifstream(dir_ / ("run/" + name + ".pid")) >> pid;
    return pid;
  }

  bool Stop() {
    supervisor_.Signal(SIGTERM);
    return supervisor_.Wait();
  }

  static std::string Sleeper(const std::string& name, int tier) {
    return "process " + name + "\nrole test\ntier " + std::to_string(tier) +
           "\narg /bin/sleep\narg 1000\n";
  }

  // A shell script that notes when it is told to stop.
  std::string Noting(const std::string& name, int tier) const {
    return "process " + name + "\nrole test\ntier " + std::to_string(tier) +
           "\narg /bin/sh\narg -c\narg trap 'echo " + name + " >> " + dir_.path() +
           "/order; exit 0' TERM; echo >> " + dir_.path() +
           "/armed; while :; do sleep 0.05; done\n";
  }
  // Being without a probe they count as ready before their shells have set the traps.
  bool WaitArmed(size_t count) const {
    return WaitUntil([&] { return ReadFile(dir_ / "armed").size() == count; });
  }

  TempDir dir_;
  ChildProcess supervisor_;
};

TEST_F(SupervisorTest, RestartsWhatIsKilled) {
  Start(Sleeper("a", 0) + Sleeper("b", 1));
  ASSERT_TRUE(WaitReady());
  const pid_t a = PidOf("a");
  const pid_t b = PidOf("b");
  ASSERT_TRUE(Alive(a));
  kill(a, SIGKILL);
  EXPECT_TRUE(WaitUntil([&] { return PidOf("a") != 0 && PidOf("a") != a; }));
  EXPECT_TRUE(Alive(PidOf("a")));
  EXPECT_EQ(PidOf("b"), b);
  EXPECT_TRUE(Stop());
  EXPECT_EQ(supervisor_.exit_code(), 0);
  EXPECT_FALSE(Alive(b));
}

TEST_F(SupervisorTest, StopsHigherTiersFirst) {
  Start(Noting("low", 0) + Noting("middle", 1) + Noting("high", 2));
  ASSERT_TRUE(WaitReady());
  ASSERT_TRUE(WaitArmed(3));
  EXPECT_TRUE(Stop());
  EXPECT_EQ(ReadFile(dir_ / "order"), "high\nmiddle\nlow\n");
  EXPECT_EQ(PidOf("low"), 0);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "run/ready"));
}

TEST_F(SupervisorTest, KillsWhatDoesNotStop) {
  Start(
      "process deaf\nrole test\nstop TERM 50\narg /bin/sh\narg -c\n"
      "arg trap '' TERM; while :; do sleep 0.05; done\n");
  ASSERT_TRUE(WaitReady());
  const pid_t deaf = PidOf("deaf");
  EXPECT_TRUE(Stop());
  EXPECT_FALSE(Alive(deaf));
}

TEST_F(SupervisorTest, GivesUpWhatNeverStarts) {
  Start(Sleeper("a", 0) + "process broken\nrole test\ntier 1\nprobe redis " + dir_.path() +
        "/none\narg /bin/false\n");
  ASSERT_TRUE(supervisor_.Wait());
  EXPECT_EQ(supervisor_.exit_code(), 1);
  EXPECT_NE(ReadFile(dir_ / "supervisor.log").find("broken does not start"), std::string::npos);
}

class RestartTest : public SupervisorTest {
 protected:
  // What `topgun-supervisor --tell` printed, and its exit code.
  std::pair<std::string, int> Tell(const std::string& command) {
    ChildProcess::Options options;
    options.output_path = dir_ / ("told-" + std::to_string(told_++));
    ChildProcess teller({TOPGUN_SUPERVISOR, "--dir", dir_.path(), "--tell", command}, options);
    EXPECT_TRUE(teller.Wait());
    return {ReadFile(options.output_path), teller.exit_code().value_or(-1)};
  }

 private:
  int told_ = 0;
};

TEST_F(RestartTest, OneAfterTheOtherFromTheLowestTier) {
  Start(Noting("low", 0) + Noting("middle", 1) + Noting("high", 2) + Sleeper("other", 2));
  ASSERT_TRUE(WaitReady());
  ASSERT_TRUE(WaitArmed(3));
  const pid_t low = PidOf("low");
  const pid_t other = PidOf("other");
  const auto [said, code] = Tell("restart high low middle");
  EXPECT_EQ(code, 0) << said;
  EXPECT_EQ(ReadFile(dir_ / "order"), "low\nmiddle\nhigh\n");
  EXPECT_EQ(said.find("low: stopped in "), 0U) << said;
  EXPECT_NE(said.find("\nhigh: stopped in "), std::string::npos) << said;
  EXPECT_NE(said.find("(status 0), ready again after "), std::string::npos) << said;
  EXPECT_NE(PidOf("low"), low);
  EXPECT_TRUE(Alive(PidOf("low")));
  EXPECT_EQ(PidOf("other"), other);
  EXPECT_TRUE(Stop());
  EXPECT_EQ(supervisor_.exit_code(), 0);
}

// A drain that takes longer than the line `stop` grants.
TEST_F(RestartTest, GraceMayBeLongerThanThatOfTheSpec) {
  Start(
      "process slow\nrole test\nstop TERM 50\narg /bin/sh\narg -c\n"
      "arg trap 'sleep 1; exit 7' TERM; echo >> " +
      dir_.path() + "/armed; while :; do sleep 0.05; done\n");
  ASSERT_TRUE(WaitReady());
  // Being without a probe it counts as ready before the shell has set its trap.
  ASSERT_TRUE(WaitUntil([&] { return ReadFile(dir_ / "armed") == "\n"; }));
  const auto [cut, cut_code] = Tell("restart slow");
  EXPECT_EQ(cut_code, 0) << cut;
  EXPECT_NE(cut.find("(signal 9)"), std::string::npos) << cut;
  ASSERT_TRUE(WaitUntil([&] { return ReadFile(dir_ / "armed") == "\n\n"; }));
  const auto [said, code] = Tell("restart --grace 120000 slow");
  EXPECT_EQ(code, 0) << said;
  EXPECT_NE(said.find("(status 7)"), std::string::npos) << said;
  EXPECT_TRUE(Stop());
}

TEST_F(RestartTest, NamesWhatItDoesNotKnow) {
  Start(Noting("a", 0));
  ASSERT_TRUE(WaitReady());
  for (const auto& [command, answer] : std::vector<std::pair<std::string, std::string>>{
           {"restart a b", "no process 'b'; ./topgun ps lists them\n"},
           {"restart", "name what to restart\n"},
           {"stop a", "no command 'stop a'; there are: restart [--grace MS] NAME..., scale\n"},
           {"restart --grace soon a", "--grace takes milliseconds, not 'soon'\n"},
           {"restart --grace", "--grace takes milliseconds, not ''\n"},
           {std::string(5'000, 'x'), "the supervisor ended before the command had\n"}}) {
    EXPECT_EQ(Tell(command), std::make_pair(answer, 1));
  }
  EXPECT_EQ(ReadFile(dir_ / "order"), "");
  EXPECT_TRUE(Stop());
}

TEST_F(RestartTest, EndsWhenAProcessDoesNotComeBack) {
  const std::string socket = dir_ / "socket";
  std::ofstream(dir_ / "conf") << "port 0\nsave \"\"\nunixsocket " << socket << "\n";
  Start("process redis\nrole test\nprobe redis " + socket + "\narg /usr/bin/redis-server\narg " +
        dir_.path() + "/conf\n" + Sleeper("next", 1));
  ASSERT_TRUE(WaitReady());
  const pid_t next = PidOf("next");
  std::ofstream(dir_ / "conf") << "nonsense\n";
  EXPECT_EQ(Tell("restart redis next"),
            std::make_pair(std::string("redis does not become ready; its log says why\n"), 1));
  EXPECT_EQ(PidOf("next"), next) << "what was not reached is left alone";
  EXPECT_TRUE(Stop());
}

TEST_F(SupervisorTest, ItsDeathEndsTheProcesses) {
  Start(Sleeper("a", 0));
  ASSERT_TRUE(WaitReady());
  const pid_t a = PidOf("a");
  supervisor_.Kill();
  EXPECT_TRUE(WaitUntil([&] { return !Alive(a); }));
}

// Postgres backends outlive a killed postmaster for a moment; it must not be started meanwhile.
TEST_F(SupervisorTest, WaitsForOrphansOfTheSameName) {
  Start("process parent\nrole test\narg /bin/sh\narg -c\narg sleep 1000 & echo $! > " +
        dir_.path() + "/orphan; exec sleep 1000\n");
  ASSERT_TRUE(WaitUntil([&] { return !ReadFile(dir_ / "orphan").empty(); }));
  ASSERT_TRUE(WaitReady());
  const pid_t orphan = std::stoi(ReadFile(dir_ / "orphan"));
  const pid_t parent = PidOf("parent");
  kill(parent, SIGKILL);
  ASSERT_TRUE(WaitUntil([&] {
    return ReadFile(dir_ / "supervisor.log").find("waiting for an earlier") != std::string::npos;
  }));
  EXPECT_EQ(PidOf("parent"), 0);
  kill(orphan, SIGKILL);
  EXPECT_TRUE(WaitUntil([&] { return PidOf("parent") != 0; }));
  EXPECT_TRUE(Stop());
}

TEST_F(SupervisorTest, FillsInPortsAnnouncesAndCleansUp) {
  std::ofstream(dir_ / "template") << "admin: {a.admin}\n";
  Start("process a\nrole test\nport admin\nrender " + dir_.path() + "/template " + dir_.path() +
            "/rendered\narg /bin/sh\narg -c\narg echo $0 > " + dir_.path() +
            "/args; exec sleep 1000\narg {a.admin}\n",
        {"--announce", "PORT={a.admin}"});
  ASSERT_TRUE(WaitReady());
  ASSERT_TRUE(WaitUntil([&] { return !ReadFile(dir_ / "args").empty(); }));
  const std::string port = ReadFile(dir_ / "args");
  EXPECT_EQ(ReadFile(dir_ / "rendered"), "admin: " + port);
  EXPECT_EQ(ReadFile(dir_ / "run/ports"), "a.admin " + port);
  EXPECT_TRUE(WaitUntil(
      [&] { return ReadFile(dir_ / "supervisor.log").find("PORT=" + port) != std::string::npos; }));
  EXPECT_TRUE(Stop());
}

class WhileHeldTest : public SupervisorTest {
 protected:
  // As another process would: locks belong to open files.
  int Hold() const {
    const int fd = open((dir_ / "run/members").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0 ? fd : -1;
  }
  std::vector<std::string> Option() const { return {"--while-held", dir_ / "run/members"}; }
};

TEST_F(WhileHeldTest, RunsAsLongAsAnybodyHoldsTheFile) {
  const int first = Hold();
  ASSERT_GE(first, 0);
  Start(Sleeper("a", 0), Option());
  ASSERT_TRUE(WaitReady());
  const int second = Hold();
  ASSERT_GE(second, 0);
  const pid_t pid = PidOf("a");
  close(first);
  // A look at the file has passed when an end of the process has been noticed.
  kill(pid, SIGKILL);
  ASSERT_TRUE(WaitUntil([&] { return PidOf("a") != 0 && PidOf("a") != pid; }));
  close(second);
  EXPECT_TRUE(supervisor_.Wait());
}

TEST_F(WhileHeldTest, NobodyJoinsOnceItHasDecidedToEnd) {
  const int member = Hold();
  ASSERT_GE(member, 0);
  Start("process a\nrole test\ntier 0\narg /bin/sh\narg -c\narg trap '' TERM; echo > " +
            dir_.path() + "/deaf; while :; do sleep 0.05; done\nstop TERM 1000\n",
        Option());
  ASSERT_TRUE(WaitUntil([&] { return std::filesystem::exists(dir_ / "deaf"); }));
  close(member);
  ASSERT_TRUE(WaitUntil(
      [&] { return ReadFile(dir_ / "supervisor.log").find("stopping") != std::string::npos; }));
  EXPECT_EQ(Hold(), -1);
  EXPECT_TRUE(supervisor_.Wait());
}

// Processes w-<number>, and a file that says where they are.
class ScaleTest : public SupervisorTest {
 protected:
  std::string Base() const {
    return Sleeper("base", 0) + "render " + (dir_ / "run/who.in") + " " + (dir_ / "run/who") + "\n";
  }
  static std::string Worker(int number) {
    return Sleeper("w-" + std::to_string(number), 1) + "port grpc\n";
  }
  void Announce(const std::string& text) const { std::ofstream(dir_ / "run/who.in") << text; }
  std::string Announced() const { return ReadFile(dir_ / "run/who"); }

  // What the supervisor said, then its verdict.
  std::string Scale(const std::string& spec) {
    std::ofstream(dir_ / "run/cluster.spec.next") << spec;
    std::string said;
    const Status result = SendCommand(dir_ / "run/control.sock", "scale",
                                      [&](std::string_view line) { said.append(line) += '\n'; });
    return said + (result.ok() ? "ok" : std::string(Message(result)));
  }
  bool Knows(const std::string& name) const {
    return ReadFile(dir_ / "run/state.tsv").find("\t" + name + "\t") != std::string::npos;
  }
};

TEST_F(ScaleTest, StartsWhatIsNewAndStopsWhatIsNotNamed) {
  Announce("{w-0.grpc}\n");
  Start(Base() + Worker(0));
  ASSERT_TRUE(WaitReady());
  const std::string first = Announced();
  const pid_t base = PidOf("base");
  const pid_t w0 = PidOf("w-0");

  Announce("{w-0.grpc}\n{w-1.grpc}\n{w-2.grpc}\n");
  EXPECT_EQ(Scale(Base() + Worker(0) + Worker(1) + Worker(2)), "w-1: ready\nw-2: ready\nok");
  EXPECT_TRUE(Alive(PidOf("w-1")));
  EXPECT_TRUE(Announced().starts_with(first)) << "it keeps its port";
  EXPECT_EQ(Announced().find('{'), std::string::npos) << Announced();

  Announce("{w-2.grpc}\n");
  const std::string said = Scale(Base() + Worker(2));
  EXPECT_NE(said.find("w-0: stopped in "), std::string::npos) << said;
  EXPECT_NE(said.find("w-1: stopped in "), std::string::npos) << said;
  EXPECT_FALSE(Alive(w0));
  EXPECT_TRUE(WaitUntil([&] { return !Knows("w-0") && Knows("w-2"); }));
  EXPECT_EQ(PidOf("w-0"), 0);
  EXPECT_EQ(PidOf("base"), base);
  EXPECT_EQ(ReadFile(dir_ / "run/cluster.spec"), Base() + Worker(2));
  EXPECT_TRUE(Stop());
}

TEST_F(ScaleTest, NothingChangesWhenItCannotBeDone) {
  Announce("{w-0.grpc}\n");
  const std::string spec = Base() + Worker(0);
  Start(spec);
  ASSERT_TRUE(WaitReady());
  const pid_t w0 = PidOf("w-0");
  const std::string announced = Announced();

  EXPECT_EQ(Scale(Base() + Worker(0) + "arg more\n"),
            "w-0 runs with other settings; start the cluster anew");
  EXPECT_EQ(Scale(spec + Sleeper("other", 7)), "the cluster runs without any test");
  EXPECT_EQ(Scale("nonsense"), "line 1: nonsense");
  Announce("{w-0.grpc} {bad.grpc}\n");
  const std::string said =
      Scale(Base() +
            "process bad\nrole test\ntier 1\nport grpc\nprobe http {bad.grpc}\n"
            "arg /bin/false\n");
  EXPECT_NE(said.find("bad does not become ready"), std::string::npos) << said;
  EXPECT_TRUE(WaitUntil([&] { return !Knows("bad"); }));
  EXPECT_EQ(PidOf("w-0"), w0);
  EXPECT_EQ(Announced(), announced);
  EXPECT_EQ(ReadFile(dir_ / "run/cluster.spec"), spec);
  EXPECT_TRUE(Stop());
}

TEST(PortTable, KeepsChosenPortsAndRefusesTakenOnes) {
  const TempDir dir;
  ProcessSpec process;
  process.name = "a";
  process.ports = {{"grpc", 0}, {"admin", 0}};
  uint16_t grpc = 0;
  {
    PortTable first(dir / "ports");
    ASSERT_TRUE(first.Assign({process}).ok());
    grpc = first.Find("a", "grpc");
    EXPECT_NE(grpc, first.Find("a", "admin"));

    // Reserved by the first table although nobody listens on it.
    PortTable second(dir / "other");
    process.ports = {{"grpc", grpc}};
    EXPECT_FALSE(second.Assign({process}).ok());
  }
  PortTable again(dir / "ports");
  process.ports = {{"grpc", 0}};
  ASSERT_TRUE(again.Assign({process}).ok());
  EXPECT_EQ(again.Find("a", "grpc"), grpc);
  EXPECT_EQ(*again.Substitute("x{a.grpc}y{z}"), "x" + std::to_string(grpc) + "y{z}");
  EXPECT_FALSE(again.Substitute("{b.grpc}").ok());
}

TEST(LogFile, RotatesALargeFile) {
  const TempDir dir;
  const std::string path = dir / "a.log";
  std::ofstream(path) << "12345";
  RotateLog(path, 5);
  EXPECT_EQ(ReadFile(path), "12345");
  RotateLog(path, 4);
  EXPECT_EQ(ReadFile(path), "");
  EXPECT_EQ(ReadFile(path + ".1"), "12345");
}

}  // namespace
}  // namespace topgun::supervisor
