// The pure parts of the local supervisor: its input, its output and its patience.
#include <gtest/gtest.h>

#include "supervisor/restart_policy.h"
#include "supervisor/spec.h"
#include "supervisor/state_file.h"

namespace topgun::supervisor {
namespace {

using std::chrono::milliseconds;

TEST(ParseSpec, ReadsEveryLineOfAProcess) {
  const auto specs = ParseSpec(
      "# a comment\n"
      "process gateway-0\n"
      "role gateway\n"
      "tier 3\n"
      "port ws 8080\n"
      "port admin\n"
      "render a.in a\n"
      "probe http {gateway-0.admin}\n"
      "stop INT 250\n"
      "user postgres\n"
      "unset JWT_SECRET\n"
      "arg /bin/gateway\n"
      "arg host=/tmp/x dbname=topgun\n"
      "arg \n"
      "\n"
      "process redis\n"
      "role redis\n"
      "arg /bin/redis\n");
  ASSERT_TRUE(specs.ok()) << ToString(specs.status());
  ASSERT_EQ(specs->size(), 2u);
  const ProcessSpec& gateway = specs->front();
  EXPECT_EQ(gateway.name, "gateway-0");
  EXPECT_EQ(gateway.role, "gateway");
  EXPECT_EQ(gateway.tier, 3);
  ASSERT_EQ(gateway.ports.size(), 2u);
  EXPECT_EQ(gateway.ports[0].fixed, 8080);
  EXPECT_EQ(gateway.ports[1].fixed, 0);
  ASSERT_EQ(gateway.renders.size(), 1u);
  EXPECT_EQ(gateway.renders[0].to, "a");
  EXPECT_EQ(gateway.probe.kind, ProbeKind::kHttp);
  EXPECT_EQ(gateway.stop_signal, SIGINT);
  EXPECT_EQ(gateway.stop_timeout, milliseconds(250));
  EXPECT_EQ(gateway.user, "postgres");
  EXPECT_EQ(gateway.unset_env, std::vector<std::string>{"JWT_SECRET"});
  EXPECT_EQ(gateway.args,
            (std::vector<std::string>{"/bin/gateway", "host=/tmp/x dbname=topgun", ""}));
}

TEST(ParseSpec, NamesTheBadLine) {
  const std::string good = "process a\nrole a\narg /bin/a\n";
  for (const std::string bad : {"prot ws 1", "port ws 70000", "port ws x", "port", "tier high",
                                "probe smoke x", "probe http", "stop HUP 1", "stop TERM",
                                "stop TERM -1", "process a", "process A/../b", "render one"}) {
    const auto specs = ParseSpec(good + bad + "\n");
    ASSERT_FALSE(specs.ok()) << bad;
    EXPECT_NE(Message(specs.status()).find("line 4: " + bad), std::string_view::npos) << bad;
  }
}

TEST(ParseSpec, RefusesLinesOutsideAProcessAndIncompleteOnes) {
  EXPECT_FALSE(ParseSpec("role a\n").ok());
  EXPECT_FALSE(ParseSpec("process a\nrole a\n").ok());
  EXPECT_FALSE(ParseSpec("process a\narg /bin/a\n").ok());
}

TEST(RestartPolicy, PausesGrowUntilReadyAgain) {
  RestartPolicy policy;
  EXPECT_EQ(policy.NoteExit(), RestartPolicy::kFirstDelay);
  EXPECT_EQ(policy.NoteExit(), 2 * RestartPolicy::kFirstDelay);
  for (int i = 0; i < 100; ++i) policy.NoteExit();
  EXPECT_EQ(policy.NoteExit(), RestartPolicy::kDelayMax);
  EXPECT_EQ(policy.failures(), 103);
  policy.NoteReady();
  EXPECT_EQ(policy.failures(), 0);
  EXPECT_EQ(policy.NoteExit(), RestartPolicy::kFirstDelay);
}

const std::vector<ProcessState> kStates = {{.role = "redis", .name = "redis", .pid = 0},
                                           {.role = "gateway",
                                            .name = "gateway-0",
                                            .pid = 12,
                                            .ws_port = 8080,
                                            .admin_port = 20001,
                                            .up = true}};

TEST(StateFile, JsonIsTheContractOfPs) {
  EXPECT_EQ(FormatJson(kStates),
            "[\n"
            R"({"role":"redis","name":"redis","pid":null,)"
            R"("ports":{"ws":null,"grpc":null,"admin":null},"up":false},)"
            "\n"
            R"({"role":"gateway","name":"gateway-0","pid":12,)"
            R"("ports":{"ws":8080,"grpc":null,"admin":20001},"up":true})"
            "\n]\n");
}

TEST(StateFile, TsvHasAColumnForEveryField) {
  EXPECT_EQ(FormatTsv(kStates),
            "redis\tredis\t-\t-\t-\t-\tfalse\n"
            "gateway\tgateway-0\t12\t8080\t-\t20001\ttrue\n");
}

}  // namespace
}  // namespace topgun::supervisor
