// The text forms behind the hashes, where the golden vectors leave room.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "crdt/hash.h"
#include "crdt/js_text.h"
#include "crdt/utf16.h"
#include "msgpack/writer.h"
#include "support/random.h"
#include "support/vectors.h"

namespace topgun::crdt {
namespace {

std::string NumberText(double value) {
  std::string text;
  AppendNumberText(text, value);
  return text;
}

std::string ValueText(std::string_view value) {
  std::string text;
  AppendValueText(text, value);
  return text;
}

std::string ValueTextOfJson(std::string_view json) {
  return ValueText(support::ToMsgpack(support::ParseJson(json)));
}

std::string CanonicalOfJson(std::string_view json) {
  std::string text;
  AppendCanonicalJson(text, support::ToMsgpack(support::ParseJson(json)));
  return text;
}

TEST(NumberText, IsThatOfJavaScript) {
  EXPECT_EQ(NumberText(0), "0");
  EXPECT_EQ(NumberText(-0.0), "0");
  EXPECT_EQ(NumberText(-1), "-1");
  EXPECT_EQ(NumberText(100), "100");
  EXPECT_EQ(NumberText(123.456), "123.456");
  EXPECT_EQ(NumberText(0.000001), "0.000001");
  EXPECT_EQ(NumberText(0.00000123), "0.00000123");
  EXPECT_EQ(NumberText(0.0000001), "1e-7");
  EXPECT_EQ(NumberText(-1.5e-9), "-1.5e-9");
  EXPECT_EQ(NumberText(1e20), "100000000000000000000");
  EXPECT_EQ(NumberText(123456789012345678901.0), "123456789012345680000");
  EXPECT_EQ(NumberText(1e21), "1e+21");
  EXPECT_EQ(NumberText(1.25e22), "1.25e+22");
  EXPECT_EQ(NumberText(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(NumberText(9007199254740993.0), "9007199254740992");
  EXPECT_EQ(NumberText(18446744073709551615.0), "18446744073709552000");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::denorm_min()), "5e-324");
  EXPECT_EQ(NumberText(std::numeric_limits<double>::quiet_NaN()), "NaN");
  EXPECT_EQ(NumberText(-std::numeric_limits<double>::infinity()), "-Infinity");
}

TEST(NumberText, ReadsBackAsTheSameNumber) {
  support::Random random(support::TestSeed());
  for (int i = 0; i < 20'000; ++i) {
    const double value = std::bit_cast<double>(random.Next());
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(std::strtod(NumberText(value).c_str(), nullptr), value);
  }
}

TEST(ValueText, KeepsOnlyMembersNamedLikeTopLevelKeys) {
  EXPECT_EQ(ValueTextOfJson(R"({"b":{"a":1,"c":2,"b":3},"a":[{"b":1,"x":2}]})"),
            R"({"a":[{"b":1}],"b":{"a":1,"b":3}})");
  EXPECT_EQ(ValueTextOfJson(R"([{"1":1,"0":0,"2":2,"01":3,"-0":4},5])"), R"([{"0":0,"1":1},5])");
}

TEST(ValueText, OrdersIndexKeysAsStringsInValuesAndAsNumbersInCanonicalJson) {
  EXPECT_EQ(ValueTextOfJson(R"({"2":2,"10":10,"a":0})"), R"({"10":10,"2":2,"a":0})");
  EXPECT_EQ(CanonicalOfJson(R"({"a":0,"10":10,"2":2,"4294967295":1})"),
            R"({"2":2,"10":10,"4294967295":1,"a":0})");
}

TEST(ValueText, ScalarsStandUnquoted) {
  EXPECT_EQ(ValueText("\xc0"), "null");
  EXPECT_EQ(ValueText("\xc3"), "true");
  EXPECT_EQ(ValueTextOfJson(R"("q\"\n")"), "q\"\n");
  EXPECT_EQ(ValueTextOfJson("-2.5"), "-2.5");
}

TEST(ValueText, LastOfEqualKeysWins) {
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(3);
  writer.Str("b");
  writer.Int(1);
  writer.Str("a");
  writer.Int(2);
  writer.Str("b");
  writer.Int(3);
  EXPECT_EQ(ValueText(value), R"({"a":2,"b":3})");
}

TEST(ValueText, KeysThatAreNoStringsTakeTheirText) {
  std::string value;
  msgpack::Writer writer(value);
  writer.MapHeader(3);
  writer.Int(7);
  writer.Int(1);
  writer.Nil();
  writer.Int(2);
  writer.Float64(1.5);
  writer.Int(3);
  EXPECT_EQ(ValueText(value), R"({"1.5":3,"7":1,"null":2})");
}

TEST(ValueText, SurrogatesAndBadBytes) {
  EXPECT_EQ(ValueText("\x91\xa3\xed\xa0\xbd"), R"(["\ud83d"])");  // lone high
  EXPECT_EQ(ValueText("\x91\xa3\xed\xb8\x80"), R"(["\ude00"])");  // lone low
  EXPECT_EQ(ValueText("\x91\xa6\xed\xa0\xbd\xed\xb8\x80"),        // a raw pair
            "[\"\xed\xa0\xbd\xed\xb8\x80\"]");
  EXPECT_EQ(ValueText("\x91\xa2\xff"
                      "a"),
            "[\"\xef\xbf\xbd"
            "a\"]");
}

TEST(ValueText, MalformedOrTooDeepIsNull) {
  EXPECT_EQ(ValueText(""), "null");
  EXPECT_EQ(ValueText("\x92\x01"), "null");
  EXPECT_EQ(ValueText("\x81\xa1"
                      "a"),
            "null");
  EXPECT_EQ(ValueText("\xc1"), "null");
  EXPECT_EQ(ValueText(std::string(100'000, '\x91') + "\xc0"), "null");
}

TEST(Utf16, HashesPairsHalvesAndBadBytes) {
  EXPECT_EQ(HashString("\xf0\x9f\x98\x80"), HashString("\xed\xa0\xbd\xed\xb8\x80"));
  EXPECT_EQ(HashString("\x80"), HashString("\xef\xbf\xbd"));
  EXPECT_EQ(HashString("\xc0\x80"), HashString("\xef\xbf\xbd\xef\xbf\xbd"));  // overlong
  EXPECT_EQ(HashString("\xe2\x82"), HashString("\xef\xbf\xbd\xef\xbf\xbd"));  // truncated
  EXPECT_EQ(HashString("\xf4\x90\x80\x80"), HashString("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                                       "\xef\xbf\xbd"));  // too large
}

std::vector<uint16_t> Units(std::string_view text) {
  std::vector<uint16_t> units;
  Utf16Cursor cursor(text);
  for (uint16_t unit = 0; cursor.Next(&unit);) units.push_back(unit);
  return units;
}

TEST(Utf16, ComparesByCodeUnitWhateverTheBytes) {
  const std::vector<std::string> pieces = {"a",
                                           "b",
                                           "\xc3\xa9",
                                           "\xe2\x82\xac",
                                           "\xee\x80\x80",
                                           "\xef\xbf\xbd",
                                           "\xf0\x9f\x98\x80",
                                           "\xed\xa0\xbd",
                                           "\xed\xb8\x80",
                                           "\x80",
                                           "\xe2\x82",
                                           "\xf0"};
  support::Random random(support::TestSeed());
  const auto random_text = [&] {
    std::string text;
    for (uint64_t i = random.Below(4); i > 0; --i) text += random.Pick(pieces);
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = random_text();
    const std::string b = random_text();
    const int order = CompareUtf16(a, b);
    ASSERT_EQ(order < 0, Units(a) < Units(b));
    ASSERT_EQ(order > 0, Units(a) > Units(b));
  }
}

TEST(OrItem, RecordsCountInAnyOrder) {
  const std::vector<OrRecordView> forward = {{"\x01", {1, 0, "n"}, "\xf0\x9f\x98\x80", false, 0},
                                             {"\x02", {2, 0, "n"}, "\xef\xbf\xbd", true, 500},
                                             {"\x03", {3, 0, "n"}, "a", false, 0}};
  const std::vector<OrRecordView> backward(forward.rbegin(), forward.rend());
  EXPECT_EQ(OrItemText("k", forward),
            "key:k|a:3:3:0:n|\xf0\x9f\x98\x80:1:1:0:n|\xef\xbf\xbd:2:2:0:n:ttl=500");
  EXPECT_EQ(OrItemHash("k", forward), OrItemHash("k", backward));
  EXPECT_EQ(OrItemHash("k", forward), HashString(OrItemText("k", forward)));
}

}  // namespace
}  // namespace topgun::crdt
