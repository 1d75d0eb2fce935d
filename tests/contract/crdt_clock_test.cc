// hlc.json: every case.
#include <gtest/gtest.h>

#include "crdt/hybrid_logical_clock.h"
#include "crdt_vectors.h"
#include "support/manual_clock.h"

namespace topgun::crdt {
namespace {

namespace json = boost::json;

const json::object& ClockVectors() { return support::LoadVectors("hlc.json").as_object(); }

int Sign(std::strong_ordering order) { return order < 0 ? -1 : order > 0 ? 1 : 0; }

TEST(HlcVectors, Format) {
  for (const json::value& item : ClockVectors().at("format").as_array()) {
    const std::string text = ToString(ReadTimestamp(item.at("ts")).view());
    EXPECT_EQ(text, support::Text(item.at("string")));
    EXPECT_EQ(text, support::FromHex(support::Text(item.at("utf8hex"))));
  }
}

// The client reads text leniently; core.md 3.1 wants a server to take only ^\d+:\d+:.+$ without a
// further colon. So: what the client refuses we refuse, what we take the client reads alike.
TEST(HlcVectors, ParseIsStricterThanTheClient) {
  int accepted = 0;
  for (const json::value& item : ClockVectors().at("parse").as_array()) {
    const std::string input = String(item.at("input"));
    SCOPED_TRACE(input);
    const StatusOr<Timestamp> timestamp = ParseTimestamp(input);
    if (!timestamp.ok()) continue;
    ++accepted;
    ASSERT_TRUE(item.at("ok").as_bool());
    EXPECT_EQ(timestamp->node_id, support::Text(item.at("nodeId")));
    // As JavaScript numbers: beyond 2^53 we keep the integer, the client the nearest double.
    EXPECT_EQ(static_cast<double>(timestamp->millis), item.at("millis").to_number<double>());
    EXPECT_EQ(static_cast<double>(timestamp->counter), item.at("counter").to_number<double>());
  }
  EXPECT_EQ(accepted, 4);  // the well-formed ones
}

TEST(HlcVectors, RefusesWhatOnlyTheClientReads) {
  for (const std::string_view text :
       {"1:2:", "::", "abc:1:n", "1x:2y:n", " 5:6:n", "-5:6:n", "1.9:2.9:n", "0x10:1:n", "1e3:1:n",
        "1:+2:n", "1:-2:n", "99999999999999999999:1:n"}) {
    EXPECT_FALSE(ParseTimestamp(text).ok()) << text;
  }
}

// Node ids compare by UTF-8 bytes; the client's locale order is given for the record only and must
// agree where the vectors say so.
TEST(HlcVectors, Compare) {
  for (const json::value& item : ClockVectors().at("compare").as_array()) {
    const Timestamp a = ReadTimestamp(item.at("a"));
    const Timestamp b = ReadTimestamp(item.at("b"));
    SCOPED_TRACE(json::serialize(item));
    const int sign = Sign(a <=> b);
    EXPECT_EQ(sign, item.at("byteOrderSign").to_number<int>());
    EXPECT_EQ(Sign(b <=> a), -sign);
    EXPECT_EQ(sign == item.at("tsClientSign").to_number<int>(), item.at("agree").as_bool());
  }
}

void RunStep(const json::value& step, support::ManualClock* wall, HybridLogicalClock* clock) {
  wall->Set(step.at("wall").to_number<int64_t>());
  if (String(step.at("op")) == "now") {
    const Timestamp stamp = clock->Tick();
    EXPECT_EQ(stamp, ReadTimestamp(step.at("result")));
    EXPECT_EQ(ToString(stamp.view()), support::Text(step.at("string")));
    return;
  }
  ASSERT_EQ(String(step.at("op")), "update");
  const bool accepted = clock->Observe(ReadTimestamp(step.at("remote")).view());
  EXPECT_EQ(accepted, !step.at("threw").as_bool());
  EXPECT_EQ(clock->last_millis(), step.at("lastMillis").to_number<int64_t>());
  EXPECT_EQ(clock->last_counter(), step.at("lastCounter").to_number<int64_t>());
}

TEST(HlcVectors, ClockScripts) {
  for (const json::value& script : ClockVectors().at("clock").as_array()) {
    SCOPED_TRACE(Name(script.as_object()));
    support::ManualClock wall;
    HybridLogicalClock clock(String(script.at("nodeId")), wall, script.at("strict").as_bool(),
                             script.at("maxDriftMs").to_number<int64_t>());
    for (const json::value& step : script.at("steps").as_array()) {
      SCOPED_TRACE(json::serialize(step));
      RunStep(step, &wall, &clock);
    }
  }
}

}  // namespace
}  // namespace topgun::crdt
