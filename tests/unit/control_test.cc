// Settings read again, and the endpoints for it on a real admin server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "control/endpoints.h"
#include "control/reloader.h"
#include "support/http_client.h"

namespace topgun::control {
namespace {

namespace json = boost::json;
using support::HttpAnswer;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

config::Value ValueOf(std::string name, const std::string& text, bool live) {
  return {.name = std::move(name),
          .shown = text,
          .source = "default",
          .identity = std::hash<std::string>{}(text),
          .live = live};
}

class ReloaderTest : public testing::Test {
 protected:
  static std::vector<config::Value> Values(const std::string& limit, const std::string& address) {
    return {ValueOf("limit", limit, true), ValueOf("address", address, false)};
  }
  Reloader::Plan Plan() {
    config::ParseResult parsed;
    parsed.errors = errors_;
    parsed.values = fresh_;
    return {.parsed = parsed, .apply = [this] { ++applied_; }};
  }

  metrics::Registry registry_{"topgun-test"};
  std::vector<config::Value> fresh_ = Values("1", "a");
  std::vector<std::string> errors_;
  int applied_ = 0;
  Reloader reloader_{registry_, Values("1", "a"), [this] { return Plan(); }};
};

TEST_F(ReloaderTest, NothingIsAppliedWhenNothingDiffers) {
  EXPECT_TRUE(reloader_.Reload("test").ok());
  EXPECT_EQ(applied_, 0);
  EXPECT_THAT(registry_.Render(),
              HasSubstr("topgun_config_reloads_total{outcome=\"unchanged\"} 1"));
}

TEST_F(ReloaderTest, LiveSettingsAreAppliedAndOthersWait) {
  fresh_ = Values("2", "b");
  const Reloader::Report report = reloader_.Reload("test");
  EXPECT_EQ(applied_, 1);
  ASSERT_EQ(report.applied.size(), 1U);
  EXPECT_EQ(report.applied[0].name, "limit");
  EXPECT_THAT(reloader_.Pending(), ElementsAre("address"));
  EXPECT_EQ(reloader_.Shown("limit"), "2");
  EXPECT_EQ(reloader_.Shown("address"), "a") << "what is in effect";
  EXPECT_THAT(registry_.Render(), HasSubstr("topgun_config_restart_pending 1"));

  EXPECT_THAT(reloader_.Reload("test").applied, IsEmpty()) << "the same again changes nothing";
  EXPECT_EQ(applied_, 1);
  EXPECT_THAT(reloader_.Pending(), ElementsAre("address"));
  fresh_ = Values("2", "a");
  reloader_.Reload("test");
  EXPECT_THAT(reloader_.Pending(), IsEmpty());
}

TEST_F(ReloaderTest, OneErrorRefusesEverything) {
  fresh_ = Values("2", "a");
  errors_ = {"limit: wrong"};
  EXPECT_FALSE(reloader_.Reload("test").ok());
  EXPECT_EQ(applied_, 0);
  EXPECT_EQ(reloader_.Shown("limit"), "1");
  EXPECT_THAT(registry_.Render(), HasSubstr("topgun_config_reloads_total{outcome=\"refused\"} 1"));
  errors_.clear();
  reloader_.Reload("test");
  EXPECT_EQ(applied_, 1);
}

class ControlEndpointsTest : public ReloaderTest {
 protected:
  void SetUp() override {
    MountControl(server_, {.program = "topgun-test", .name = "me", .shown_settings = {"address"}},
                 reloader_);
    ASSERT_TRUE(server_.Start().ok());
  }
  HttpAnswer Ask(std::string_view method, std::string_view target, std::string_view headers = {}) {
    support::HttpClient client(server_.port());
    client.Send(support::HttpRequestText(method, target, {}, headers));
    return client.Receive().value_or(HttpAnswer());
  }

  admin::AdminServer server_{"127.0.0.1:0", registry_, [] {
                               return admin::AdminServer::Readiness{true, "ok"};
                             }};
};

TEST_F(ControlEndpointsTest, ReloadAnswersWithWhatChanged) {
  fresh_ = Values("2", "b");
  const HttpAnswer answer = Ask("POST", "/reload");
  EXPECT_EQ(answer.status, 200);
  const json::value body = json::parse(answer.body);
  EXPECT_EQ(body.at("outcome").as_string(), "applied");
  EXPECT_EQ(body.at("applied").at(0).at("after").as_string(), "2");
  EXPECT_EQ(body.at("restart_needed").at(0).at("setting").as_string(), "address");
}

TEST_F(ControlEndpointsTest, ARefusedReloadIsABadRequest) {
  errors_ = {"file:1: wrong"};
  const HttpAnswer answer = Ask("POST", "/reload");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("file:1: wrong"));
}

TEST_F(ControlEndpointsTest, ReloadsAreForOperators) {
  fresh_ = Values("2", "a");
  EXPECT_EQ(Ask("GET", "/reload").status, 405);
  EXPECT_EQ(Ask("POST", "/reload", "Origin: http://elsewhere.example\r\n").status, 403);
  EXPECT_EQ(applied_, 0);
}

TEST_F(ControlEndpointsTest, StatusTellsWhoItIs) {
  const json::value body = json::parse(Ask("GET", "/statusz").body);
  EXPECT_EQ(body.at("program").as_string(), "topgun-test");
  EXPECT_EQ(body.at("name").as_string(), "me");
  EXPECT_EQ(body.at("settings").at("address").as_string(), "a");
  EXPECT_FALSE(body.at("settings").as_object().contains("limit"));
  EXPECT_GT(body.at("now_ms").as_int64(), 0);
}

}  // namespace
}  // namespace topgun::control
