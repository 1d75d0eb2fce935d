// Requests of the journal in the forms that clients may give them (features.md 0.3, 6).
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "support/vectors.h"
#include "wire/client_frame.h"

namespace topgun::wire {
namespace {

class WireJournalTest : public testing::Test {
 protected:
  std::string_view Read(std::string_view json) {
    bytes_ = support::ToMsgpack(support::ParseJson(json), msgpack::Rendering::kClient);
    return Name(Decode(bytes_, frame_).error);
  }

  ClientFrame frame_;
  std::string bytes_;
};

TEST_F(WireJournalTest, WhatIsOptionalMayBeNil) {
  ASSERT_EQ(Read(R"({"type":"JOURNAL_SUBSCRIBE","requestId":"s","mapName":null,"types":null,)"
                 R"("fromSequence":null,"more":1})"),
            "none");
  EXPECT_EQ(frame_.journal_subscribe.request_id, "s");
  EXPECT_FALSE(frame_.journal_subscribe.map);
  EXPECT_FALSE(frame_.journal_subscribe.from_sequence);
  EXPECT_EQ(frame_.journal_subscribe.types, 0);
  ASSERT_EQ(Read(R"({"type":"JOURNAL_READ","requestId":"r","fromSequence":"x","limit":5.0})"),
            "none");
  EXPECT_EQ(frame_.journal_read.limit, 5U);
  EXPECT_FALSE(frame_.journal_read.map);
}

TEST_F(WireJournalTest, TypesAreAFilter) {
  EXPECT_EQ(Read(R"({"type":"JOURNAL_SUBSCRIBE","requestId":"s","types":[]})"), "none");
  EXPECT_EQ(frame_.journal_subscribe.types, 0) << "no filter";
  EXPECT_EQ(Read(R"({"type":"JOURNAL_SUBSCRIBE","requestId":"s","types":["DELETE","UPDATE"]})"),
            "none");
  EXPECT_EQ(frame_.journal_subscribe.types, 2 + 4);
  EXPECT_EQ(Read(R"({"type":"JOURNAL_SUBSCRIBE","requestId":"s","types":["put"]})"), "bad_field");
}

TEST_F(WireJournalTest, WhatIsRequiredMustBeThere) {
  EXPECT_EQ(Read(R"({"type":"JOURNAL_SUBSCRIBE"})"), "missing_field");
  EXPECT_EQ(Read(R"({"type":"JOURNAL_UNSUBSCRIBE"})"), "missing_field");
  EXPECT_EQ(Read(R"({"type":"JOURNAL_READ","requestId":"r"})"), "missing_field");
  EXPECT_EQ(Read(R"({"type":"JOURNAL_READ","requestId":"r","fromSequence":0})"), "bad_field");
  EXPECT_EQ(Read(R"({"type":"JOURNAL_READ","fromSequence":"0","limit":-1,"requestId":"r"})"),
            "bad_field");
  EXPECT_EQ(Read(R"({"type":"JOURNAL_READ","payload":{"requestId":"r","fromSequence":"0"}})"),
            "missing_field")
      << "flat";
}

}  // namespace
}  // namespace topgun::wire
