// The endpoints below /debug/ on a real admin server.
#include "debug/debug_endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

#include "debug/process_info.h"
#include "logging/logging.h"
#include "support/http_client.h"

namespace topgun::debug {
namespace {

using support::HttpAnswer;
using support::HttpClient;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::chrono::seconds kProfilePatience{60};  // names are looked up without optimisation

class DebugEndpointsTest : public testing::Test {
 protected:
  void Start(bool enabled) {
    debug_ = std::make_unique<DebugEndpoints>(DebugOptions{.enabled = enabled});
    Serve();
  }
  void Serve() {
    server_ = std::make_unique<admin::AdminServer>(
        "127.0.0.1:0", registry_, [] { return admin::AdminServer::Readiness{.ready = true}; });
    debug_->Mount(*server_);
    debug_->Handle(*server_, "/debug/more",
                   [](const admin::Request&) { return admin::Response{.body = "more\n"}; });
    ASSERT_TRUE(server_->Start().ok());
  }

  HttpAnswer Ask(std::string_view method, std::string_view target, std::string_view body = {}) {
    HttpClient client(server_->port());
    client.Send(support::HttpRequestText(method, target, body));
    return client.Receive(false, kProfilePatience).value_or(HttpAnswer());
  }

  metrics::Registry registry_;
  std::unique_ptr<DebugEndpoints> debug_;
  std::unique_ptr<admin::AdminServer> server_;
};

TEST_F(DebugEndpointsTest, OffTheySayHowToTurnThemOn) {
  Start(false);
  for (const char* const path :
       {"/debug/pprof/", "/debug/pprof/profile", "/debug/log-level", "/debug/more"}) {
    const HttpAnswer answer = Ask("GET", path);
    EXPECT_EQ(answer.status, 404) << path;
    EXPECT_THAT(answer.body, HasSubstr("--debug-endpoints")) << path;
  }
  EXPECT_EQ(Ask("PUT", "/debug/log-level", "debug").status, 404);
  EXPECT_NE(logging::CurrentLevel(), logging::Level::kDebug);
}

TEST_F(DebugEndpointsTest, ShowWhatThereIs) {
  Start(true);
  EXPECT_THAT(Ask("GET", "/debug/pprof/").body, HasSubstr("/debug/pprof/profile?seconds=N"));
  EXPECT_EQ(Ask("GET", "/debug/more").body, "more\n");
  EXPECT_THAT(Ask("GET", "/debug/pprof/cmdline").body, HasSubstr("debug_test"));
  EXPECT_THAT(Ask("GET", "/debug/pprof/threads").body, HasSubstr("admin"));
}

TEST_F(DebugEndpointsTest, ShowWhereThreadsAre) {
  Start(true);
  const HttpAnswer answer = Ask("GET", "/debug/pprof/stacks");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("admin ("));
  EXPECT_THAT(answer.body, HasSubstr("epoll_wait"));
}

TEST_F(DebugEndpointsTest, CollectTheStateOfSections) {
  debug_ = std::make_unique<DebugEndpoints>(
      DebugOptions{.enabled = true, .program = "topgun-test", .settings = [] {
                     return "a = 1  (flag)\nsecret = ***  (env)\n";
                   }});
  debug_->AddSection("quick", [](SectionDone done) { done(R"({"connections":7})"); });
  debug_->AddSection("stuck", [](const SectionDone&) {});
  Serve();
  const std::string body = Ask("GET", "/debug/status").body;
  EXPECT_THAT(body, HasSubstr(R"("quick":{"connections":7})"));
  EXPECT_THAT(body, HasSubstr(R"("silent":["stuck"])"));
  EXPECT_THAT(body, HasSubstr("\"secret\":\"***  (env)\""));
  EXPECT_THAT(body, HasSubstr(R"("program":"topgun-test")"));
}

TEST_F(DebugEndpointsTest, RefuseOtherDurations) {
  Start(true);
  for (const char* const seconds : {"0", "61", "-1", "1.5", "", "x"}) {
    const HttpAnswer answer = Ask("GET", std::string("/debug/pprof/profile?seconds=") + seconds);
    EXPECT_EQ(answer.status, 400) << seconds;
    EXPECT_THAT(answer.body, HasSubstr("from 1 to 60")) << seconds;
  }
}

TEST_F(DebugEndpointsTest, TakeOneProfileAtATimeAndAnswerOthersMeanwhile) {
  Start(true);
  const std::string request = support::HttpRequestText("GET", "/debug/pprof/profile?seconds=1");
  std::multiset<int> statuses;
  while (statuses.count(409) == 0) {  // unless the first was over when the second came
    statuses.clear();
    HttpClient first(server_->port());
    HttpClient second(server_->port());
    first.Send(request);
    second.Send(request);
    EXPECT_EQ(Ask("GET", "/livez").status, 200);
    EXPECT_EQ(Ask("GET", "/metrics").status, 200);
    for (HttpClient* const client : {&first, &second}) {
      const auto answer = client->Receive(false, kProfilePatience);
      ASSERT_TRUE(answer);
      statuses.insert(answer->status);
      EXPECT_THAT(answer->body, answer->status == 200
                                    ? testing::Matcher<std::string>(StartsWith("\x1f\x8b"))
                                    : HasSubstr("another profile"));
    }
  }
  EXPECT_EQ(statuses, (std::multiset<int>{200, 409}));
}

TEST_F(DebugEndpointsTest, WhoHasAnAnswerMayAskAgainAtOnce) {
  Start(true);
  HttpClient client(server_->port());
  for (int i = 0; i < 1'000; ++i) {
    client.Send(support::HttpRequestText("GET", "/debug/status"));
    const auto answer = client.Receive(false, kProfilePatience);
    ASSERT_TRUE(answer);
    ASSERT_EQ(answer->status, 200) << i;
  }
}

TEST_F(DebugEndpointsTest, AProfileEndsWithTheProcess) {
  Start(true);
  HttpClient client(server_->port());
  do {  // once more, if the one below came first
    client.Send(support::HttpRequestText("GET", "/debug/pprof/profile?seconds=60"));
  } while (Ask("GET", "/debug/pprof/profile?seconds=1").status != 409);
  server_->Stop();
  debug_.reset();  // would take a minute otherwise, and the test's time limit with it
}

TEST_F(DebugEndpointsTest, ChangeTheLogLevel) {
  Start(true);
  const logging::Level before = logging::CurrentLevel();
  EXPECT_EQ(Ask("PUT", "/debug/log-level", "error").body, "error\n");
  EXPECT_EQ(logging::CurrentLevel(), logging::Level::kError);
  EXPECT_EQ(Ask("GET", "/debug/log-level").body, "error\n");
  const HttpAnswer wrong = Ask("PUT", "/debug/log-level", "loud");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.body, HasSubstr("\"loud\""));
  EXPECT_EQ(Ask("DELETE", "/debug/log-level").status, 405);
  EXPECT_EQ(logging::CurrentLevel(), logging::Level::kError);
  logging::SetLevel(before);
}

TEST(MaskPasswords, HidesThemWhereverTheyStand) {
  EXPECT_EQ(MaskPasswords("--postgres postgres://u:p@h/db --x redis://:s@r"),
            "--postgres postgres://***@h/db --x redis://***@r");
  EXPECT_EQ(MaskPasswords("http://host/a@b"), "http://host/a@b");
}

}  // namespace
}  // namespace topgun::debug
