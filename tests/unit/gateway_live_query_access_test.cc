// Queries that filter: what is refused, what policies mean for them, and reads that fail
// (features.md 1.1, 1.4, 10).
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "gateway_live_query_fixture.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using Client = QueryClient;

constexpr std::string_view kBroken = R"({"predicate":{"attribute":"s"}})";  // op is missing

class LiveQueryAccessTest : public LiveQueryTest {
 protected:
  void Follow() {
    gateway_.gate.OnPoliciesChanged();
    gateway_.turns.Run();
  }
};

TEST_F(LiveQueryAccessTest, AQueryThatCannotBeReadIsAnsweredAndNamesThePart) {
  Client client(gateway_);
  Ask(client, "q", kBroken);
  ASSERT_EQ(client.session.frames.size(), 2U);
  wire::ServerFrame frame;
  ASSERT_TRUE(wire::DecodeServerFrame(client.session.frames[0], frame).ok());
  EXPECT_NE(frame.error.message.find("predicate"), std::string_view::npos) << frame.error.message;
  EXPECT_NE(frame.error.message.find("op"), std::string_view::npos) << frame.error.message;
  ASSERT_TRUE(wire::DecodeServerFrame(client.session.frames[1], frame).ok());
  EXPECT_TRUE(frame.query_resp.error.has_value());
  EXPECT_FALSE(frame.query_resp.cursor_status.has_value());
  EXPECT_EQ(client.Heard(), "error:400 resp:q[]INVALID_QUERY");
  EXPECT_TRUE(gateway_.source.interest.empty());
  EXPECT_EQ(Metric("gateway_subscriptions"), 0);
}

TEST_F(LiveQueryAccessTest, WhoeverHasRowsKeepsThem) {
  Client client(gateway_);
  Settle(client, kActive, {{"a", kYes}});
  Ask(client, "q", kBroken);
  EXPECT_EQ(client.Heard(), "error:400");
  Put("b", kYes);
  EXPECT_EQ(client.Told(), "q:ENTER:b");
}

TEST_F(LiveQueryAccessTest, OperatorsOfOthersSelectNothing) {
  Client client(gateway_);
  Ask(client, "q", R"({"predicate":{"op":"match","attribute":"body","query":"x"}})");
  Answer({});
  EXPECT_EQ(client.Told(), "resp:q[]");
  Put("a", R"({"body":"x"})");
  EXPECT_EQ(client.Told(), "");
}

TEST_F(LiveQueryAccessTest, WhoMayNotReadGetsItsRowsOnceItMay) {
  gateway_.access.Deny(Action::kRead, "m");
  Client client(gateway_);
  Ask(client, "q", kActive);
  EXPECT_EQ(client.Heard(), "error:403");
  EXPECT_TRUE(gateway_.reader.reads.empty());
  Put("a", kYes);
  EXPECT_EQ(client.Heard(), "");
  gateway_.access.Allow(Action::kRead, "m");
  Follow();
  Answer({{"a", kYes}}, 6);
  EXPECT_EQ(client.Told(), "resp:q[a]");
}

TEST_F(LiveQueryAccessTest, WhoMayNotReadAnyMoreHearsNothing) {
  Client client(gateway_);
  Client other(gateway_);
  Settle(client, kActive);
  Ask(other, "o", kActive);  // its read is on its way
  gateway_.access.Deny(Action::kRead, "m");
  Follow();
  EXPECT_EQ(client.Heard(), "error:403");
  EXPECT_EQ(other.Heard(), "error:403");
  Answer({{"a", kYes}});
  Put("b", kYes);
  EXPECT_EQ(client.Heard() + other.Heard(), "");
  EXPECT_EQ(Metric("gateway_live_queries "), 0);
  gateway_.access.Allow(Action::kRead, "m");
  Follow();
  Answer({{"a", kYes}, {"b", kYes}}, 6);
  Answer({{"a", kYes}, {"b", kYes}}, 6);
  EXPECT_EQ(client.Told(), "resp:q[a b]");
  EXPECT_EQ(other.Told(), "resp:o[a b]");
}

TEST_F(LiveQueryAccessTest, AFailedReadIsToldAndTriedAgainEverLater) {
  Client client(gateway_);
  Ask(client, "q", kActive);
  gateway_.reader.Fail();
  EXPECT_EQ(client.Heard(), "error:503");
  gateway_.Tick(milliseconds(900));
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.Tick(milliseconds(100));
  ASSERT_EQ(gateway_.reader.reads.size(), 1U);
  gateway_.reader.Fail();
  gateway_.Tick(milliseconds(1'900));
  EXPECT_TRUE(gateway_.reader.reads.empty());
  gateway_.Tick(milliseconds(100));
  Answer({});
  EXPECT_EQ(client.Heard(), "error:503 resp:q[]");
}

TEST_F(LiveQueryAccessTest, AReadThatNobodyWaitsForFailsSilently) {
  Client client(gateway_);
  Settle(client, R"({"groupBy":["s"]})", {{"Sa", "{}"}});
  Put("a", kYes);
  gateway_.Tick(seconds(1));
  gateway_.reader.Fail();
  EXPECT_EQ(client.Told(), "");
  gateway_.Tick(seconds(1));
  Answer({}, 6);
  EXPECT_EQ(client.Told(), "q:LEAVE:Sa");
}

TEST_F(LiveQueryAccessTest, WhatTheClusterDoesNotUnderstandIsNotAskedAgain) {
  Client client(gateway_);
  Ask(client, "q", kActive);
  gateway_.reader.Fail(InvalidArgument("where: too deep"));
  EXPECT_EQ(client.Heard(), "error:400 resp:q[]INVALID_QUERY");
  gateway_.Tick(seconds(60));
  EXPECT_TRUE(gateway_.reader.reads.empty());
}

}  // namespace
}  // namespace topgun::gateway
