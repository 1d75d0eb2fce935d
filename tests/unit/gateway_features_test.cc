// Requests of features that the gateway lacks (features.md 0.4).
#include <gtest/gtest.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string>

#include "gateway_fakes.h"
#include "support/vectors.h"
#include "wire/client_encode.h"

namespace topgun::gateway {
namespace {

std::string Packed(std::string_view json) {
  return support::ToMsgpack(support::ParseJson(json), msgpack::Rendering::kClient);
}

// Too many keys to be answered one by one.
std::string ProcessBatch() {
  const boost::json::array keys(wire::kFeatureKeysMax + 1, boost::json::value("k"));
  return Packed(boost::json::serialize(boost::json::object{
      {"type", "ENTRY_PROCESS_BATCH"}, {"requestId", "e"}, {"mapName", "m"}, {"keys", keys}}));
}

class FeaturesTest : public ::testing::Test {
 protected:
  explicit FeaturesTest(bool with_auth = false)
      : gateway_(with_auth), handler_(gateway_.table.OnOpen(session_)) {}
  ~FeaturesTest() override { handler_.OnClosed(CloseCause::kPeer); }

  DispatchHarness gateway_;
  FakeSession session_;
  SessionHandler& handler_;
};

TEST_F(FeaturesTest, WhatHasNoAnswerGetsAnErrorThatNamesTheService) {
  handler_.OnMessage(ProcessBatch(), true);
  ASSERT_EQ(session_.frames.size(), 1U);
  wire::ServerFrame frame;
  ASSERT_TRUE(wire::DecodeServerFrame(session_.frames[0], frame).ok());
  EXPECT_EQ(frame.error.code, 501);
  EXPECT_EQ(frame.error.message, "not implemented: persistence");
}

TEST_F(FeaturesTest, WhatTheClientWaitsForIsAnswered) {
  handler_.OnMessage(Packed(R"({"type":"SQL_QUERY","payload":{"sql":"SELECT 1","queryId":"s1"}})"),
                     true);
  ASSERT_EQ(session_.frames.size(), 1U);
  EXPECT_NE(session_.frames[0].find("FEATURE_DISABLED"), std::string::npos);
}

TEST_F(FeaturesTest, WhatIsToBeIgnoredIsIgnored) {
  for (const char* const type :
       {"QUERY_SYNC_INIT", "HYBRID_QUERY_SUBSCRIBE", "SEARCH_UNSUB", "HYBRID_SEARCH_UNSUB"}) {
    handler_.OnMessage(Packed(R"({"type":")" + std::string(type) + R"(","payload":{}})"), true);
  }
  EXPECT_TRUE(session_.frames.empty());
  EXPECT_FALSE(session_.closed);
}

class FeaturesBeforeAuthTest : public FeaturesTest {
 protected:
  FeaturesBeforeAuthTest() : FeaturesTest(true) {}
};

TEST_F(FeaturesBeforeAuthTest, NothingIsAnswered) {
  handler_.OnMessage(ProcessBatch(), true);
  EXPECT_EQ(session_.TakeTypes(), "AUTH_REQUIRED");
}

}  // namespace
}  // namespace topgun::gateway
