// What is sent of a row.
#include <gtest/gtest.h>

#include <string>

#include "query/projection.h"
#include "query_pack.h"

namespace topgun::query {
namespace {

std::string Projected(std::string_view fields, const std::string& value) {
  const StatusOr<Projection> projection = Projection::Parse(Pack(fields));
  EXPECT_TRUE(projection.ok()) << projection.status();
  std::string out;
  if (projection.ok()) projection->Append(value, out);
  return out;
}

TEST(ProjectionTest, KeepsTheFieldsThatExist) {
  const std::string value = Pack(R"({"c":[1],"b":{"x":1},"a":null,"d":4})");
  EXPECT_EQ(Projected(R"(["b","a","z"])", value),
            "\x82\xa1"
            "a\xc0\xa1"
            "b" +
                Pack(R"({"x":1})"));
  EXPECT_EQ(Projected(R"(["z","b.x"])", value), "\x80");
}

TEST(ProjectionTest, KeepsTheLastOfTwo) {
  EXPECT_EQ(Projected(R"(["a"])",
                      "\x83\xa1"
                      "a\x01\x05\x06\xa1"
                      "a\x02"),
            "\x81\xa1"
            "a\x02");
}

TEST(ProjectionTest, LeavesTheRestAlone) {
  EXPECT_EQ(Projected(R"(["a"])", Pack("[1,2]")), Pack("[1,2]"));
  const std::string value = Pack(R"({"a":1})");
  for (const char* const none : {"[]", "null"}) EXPECT_EQ(Projected(none, value), value);
  EXPECT_TRUE(Projection::Parse("")->empty());
}

TEST(ProjectionTest, SaysWhatIsWrong) {
  EXPECT_EQ(Message(Projection::Parse(Pack(R"({"a":1})")).status()), "fields: must be an array");
  EXPECT_EQ(Message(Projection::Parse(Pack(R"(["a",1])")).status()), "fields[1]: must be a text");
  std::string names = "[\"f0\"";
  for (size_t i = 1; i < Projection::kFieldsMax; ++i) names += ",\"f" + std::to_string(i) + "\"";
  EXPECT_TRUE(Projection::Parse(Pack(names + ",\"f0\"]")).ok()) << "each counts once";
  EXPECT_EQ(Message(Projection::Parse(Pack(names + ",\"f\"]")).status()), "fields: more than 256");
}

}  // namespace
}  // namespace topgun::query
