// Groups and what is computed of them; parts of a map add up to the whole.
#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "msgpack/reader.h"
#include "msgpack/writer.h"
#include "query/grouping.h"
#include "query_pack.h"
#include "support/random.h"

namespace topgun::query {
namespace {

Grouping MakeGrouping(std::string_view group_by, std::string_view aggregations = "null") {
  StatusOr<std::optional<Grouping>> grouping = Grouping::Parse(Pack(group_by), Pack(aggregations));
  EXPECT_TRUE(grouping.ok() && grouping->has_value()) << grouping.status();
  return **std::move(grouping);
}

using Columns = std::map<std::string, std::string>;  // encoded values by name

Columns ColumnsOf(std::string_view row) {
  Columns columns;
  msgpack::Reader reader(row);
  uint32_t count = 0;
  EXPECT_TRUE(msgpack::Validate(row).ok() && reader.ReadMapHeader(&count));
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view raw;
    EXPECT_TRUE(reader.ReadStr(&name) && reader.ReadRaw(&raw));
    EXPECT_TRUE(columns.emplace(name, raw).second) << name;
  }
  return columns;
}

std::map<std::string, Columns> RowsOf(const GroupTable& table) {
  std::map<std::string, Columns> rows;
  table.ForEachRow([&rows](std::string_view key, std::string_view value) {
    Columns columns = ColumnsOf(value);
    EXPECT_EQ(columns["__key"], Pack("\"" + std::string(key) + "\""));
    columns.erase("__key");
    EXPECT_TRUE(rows.emplace(key, std::move(columns)).second);
  });
  return rows;
}

std::string Float(double number) {
  std::string bytes;
  msgpack::Writer(bytes).Float64(number);
  return bytes;
}

TEST(GroupingTest, CountsAndSums) {
  const Grouping grouping =
      MakeGrouping(R"(["category"])", R"([{"func":"sum","field":"price"},{"func":"count"}])");
  GroupTable table(grouping);
  EXPECT_TRUE(table.Add("1", Pack(R"({"category":"a","price":10})")));
  EXPECT_TRUE(table.Add("2", Pack(R"({"category":"a","price":25})")));
  EXPECT_TRUE(table.Add("3", Pack(R"({"category":"b","price":50})")));
  const std::map<std::string, Columns> expected = {
      {"S1:a", {{"category", Pack("\"a\"")}, {"__count", "\x02"}, {"__sum_price", "\x23"}}},
      {"S1:b", {{"category", Pack("\"b\"")}, {"__count", "\x01"}, {"__sum_price", "\x32"}}}};
  EXPECT_EQ(RowsOf(table), expected);
  EXPECT_EQ(table.size(), 2U);
}

TEST(GroupingTest, AggregatesNumbersOnly) {
  const Grouping grouping = MakeGrouping(
      R"(["g"])",
      R"([{"func":"sum","field":"n"},{"func":"min","field":"n"},{"func":"max","field":"n"},
          {"func":"avg","field":"n"},{"func":"avg","field":"missing"},{"func":"min","field":"missing"},
          {"func":"sum","field":"missing"},{"func":"sum"},{"func":"count","field":"n"},
          {"func":"sum","field":"n","extra":1}])");
  GroupTable table(grouping);
  for (const char* const n : {"2.5", "\"9\"", "null", "-1", "true", "3.5", "[8]"}) {
    table.Add("k", Pack(std::string(R"({"g":1,"n":)") + n + "}"));
  }
  table.Add("k", "\x82\xa1g\x01\xa1n" + Float(std::numeric_limits<double>::quiet_NaN()));
  const Columns expected = {{"g", "\x01"},
                            {"__count", "\x08"},
                            {"__sum_n", "\x05"},
                            {"__min_n", "\xff"},
                            {"__max_n", Float(3.5)},
                            {"__avg_n", Float(5.0 / 3)},
                            {"__avg_missing", "\xc0"},
                            {"__min_missing", "\xc0"},
                            {"__sum_missing", std::string(1, '\0')}};
  EXPECT_EQ(RowsOf(table), (std::map<std::string, Columns>{{"I1;", expected}}));
}

TEST(GroupingTest, WritesWholeSumsAsIntsAndKeepsEncodings) {
  const Grouping grouping =
      MakeGrouping(R"(["g"])", R"([{"func":"sum","field":"n"},{"func":"max","field":"n"}])");
  GroupTable table(grouping);
  table.Add("1", "\x81\xa1n" + Float(3));
  EXPECT_EQ(RowsOf(table)["N"]["__sum_n"], "\x03");
  EXPECT_EQ(RowsOf(table)["N"]["__max_n"], Float(3)) << "as it was written";
  EXPECT_EQ(RowsOf(table)["N"]["g"], "\xc0");
  table.Add("2", "\x81\xa1n" + Float(0.25));
  EXPECT_EQ(RowsOf(table)["N"]["__sum_n"], Float(3.25));
}

TEST(GroupingTest, NamesGroupsByTheValuesOfAllColumns) {
  const Grouping grouping = MakeGrouping(R"(["a","b","a"])");
  GroupTable table(grouping);
  const std::vector<std::pair<std::string, std::string>> rows = {
      {R"({"a":1,"b":"x"})", "I1;S1:x"},
      {R"({"a":1.5,"b":true})", "F4609434218613702656;B1"},
      {R"({"a":null,"b":false})", "NB0"},
      {R"({"a":"1;","b":-7})", "S2:1;I-7;"},
      {R"({"a":"1","b":";"})", "S1:1S1:;"},
      {R"({"b":9223372036854775808})", "NI9223372036854775808;"},
      {"[1,2]", "NN"},
  };
  for (const auto& [row, bucket] : rows) {
    GroupTable alone(grouping);
    alone.Add("k", Pack(row));
    table.Add("k", Pack(row));
    EXPECT_EQ(RowsOf(alone).begin()->first, bucket) << row;
  }
  EXPECT_EQ(table.size(), rows.size());
  table.Add("k",
            "\x82\xa1"
            "a" +
                Float(1) +
                "\xa1"
                "b\xd9\x01x");
  EXPECT_EQ(table.size(), rows.size()) << "whole numbers, however they are written";
  table.Add("k", Pack(R"({"a":[1]})"));
  table.Add("k", Pack(R"({"a":[2]})"));
  table.Add("k", Pack(R"({"a":[2]})"));
  EXPECT_EQ(table.size(), rows.size() + 2);
}

TEST(GroupingTest, KnowsTheKeyAndValuesThatAreNoMaps) {
  const Grouping grouping = MakeGrouping(R"(["_value"])", R"([{"func":"max","field":"_key"}])");
  GroupTable table(grouping);
  table.Add("k", Pack("7"));
  table.Add("l", Pack("7"));
  EXPECT_EQ(RowsOf(table)["I7;"]["__count"], "\x02");
  EXPECT_EQ(RowsOf(table)["I7;"]["_value"], "\x07");
}

TEST(GroupingTest, HasLimits) {
  const Grouping grouping = MakeGrouping(R"(["n"])");
  GroupTable table(grouping);
  GroupTable other(grouping);
  const auto row = [](size_t n) {
    std::string bytes = "\x81\xa1n";
    msgpack::Writer(bytes).Uint(n);
    return bytes;
  };
  for (size_t n = 0; n < GroupTable::kGroupsMax; ++n) ASSERT_TRUE(table.Add("k", row(n)));
  EXPECT_TRUE(table.Add("k", row(0)));
  EXPECT_FALSE(table.Add("k", row(GroupTable::kGroupsMax)));
  EXPECT_EQ(table.size(), GroupTable::kGroupsMax);
  other.Add("k", row(0));
  EXPECT_TRUE(table.Merge(std::move(other)));
  GroupTable more(grouping);
  more.Add("k", row(GroupTable::kGroupsMax));
  EXPECT_FALSE(table.Merge(std::move(more)));
  EXPECT_EQ(table.size(), GroupTable::kGroupsMax);
}

TEST(GroupingTest, ATableIsTakenApartSomeGroupsAtATime) {
  const Grouping grouping = MakeGrouping(R"(["n"])");
  GroupTable table(grouping);
  GroupTable joined(grouping);
  for (int n = 0; n < 25; ++n) {
    const std::string row = Pack(R"({"n":)" + std::to_string(n) + "}");
    table.Add("k", row);
    if (n % 2 == 0) table.Add("l", row);
  }
  const auto whole = RowsOf(table);
  for (const size_t left : {15U, 5U, 0U, 0U}) {
    ASSERT_TRUE(joined.Merge(table.Split(10)));
    ASSERT_EQ(table.size(), left);
    ASSERT_EQ(joined.size(), 25 - left);
  }
  EXPECT_EQ(RowsOf(joined), whole);
}

TEST(GroupingTest, SaysWhatIsWrong) {
  const auto problem = [](std::string_view group_by, std::string_view aggregations) {
    return std::string(Message(Grouping::Parse(Pack(group_by), Pack(aggregations)).status()));
  };
  EXPECT_EQ(problem("7", "null"), "groupBy: must be an array");
  EXPECT_EQ(problem("[7]", "null"), "groupBy[0]: must be a text");
  EXPECT_EQ(problem(R"(["a"])", R"({"func":"sum"})"), "aggregations: must be an array");
  EXPECT_EQ(problem(R"(["a"])", "[1]"), "aggregations[0]: must be an object");
  EXPECT_EQ(problem(R"(["a"])", R"([{"func":"count"},{"func":"median","field":"a"}])"),
            "aggregations[1].func: must be one of count, sum, min, max, avg");
  EXPECT_EQ(problem(R"(["a"])", R"([{"func":"sum","field":1}])"),
            "aggregations[0].field: must be a text");
  EXPECT_EQ(problem(R"(["a"])", R"([{"func":"sum","field":null}])"), "");

  const auto list = [](size_t count, std::string_view before, std::string_view behind) {
    std::string text = "[";
    for (size_t i = 0; i < count; ++i) {
      text.append(i == 0 ? "" : ",").append(before).append(std::to_string(i)).append(behind);
    }
    return text + "]";
  };
  EXPECT_EQ(problem(list(Grouping::kColumnsMax, "\"", "\""), "null"), "");
  EXPECT_EQ(problem(list(Grouping::kColumnsMax + 1, "\"", "\""), "null"), "groupBy: more than 16");
  const auto sums = [&](size_t count) { return list(count, R"({"func":"sum","field":")", "\"}"); };
  EXPECT_EQ(problem(R"(["a"])", sums(Grouping::kAggregatesMax)), "");
  EXPECT_EQ(problem(R"(["a"])", sums(Grouping::kAggregatesMax + 1)), "aggregations: more than 64");
  for (const char* const none : {"[]", "null"}) {
    EXPECT_FALSE(Grouping::Parse(Pack(none), Pack(sums(1)))->has_value());
  }
}

// Whole numbers, so that sums do not depend on the order.
TEST(GroupTableLaws, PartsAddUpToTheWhole) {
  support::Random random(support::TestSeed());
  const Grouping grouping =
      MakeGrouping(R"(["g","h"])", R"([{"func":"sum","field":"n"},{"func":"min","field":"n"},
                          {"func":"max","field":"n"},{"func":"avg","field":"n"}])");
  for (int round = 0; round < 100; ++round) {
    GroupTable whole(grouping);
    std::vector<GroupTable> parts(3, GroupTable(grouping));
    for (uint64_t rows = random.Below(40); rows > 0; --rows) {
      std::string row = R"({"g":)" + std::to_string(random.Below(3));
      if (random.OneIn(2)) row += R"(,"h":"x")";
      if (random.OneIn(2)) row += R"(,"n":)" + std::to_string(random.Between(-5, 5));
      whole.Add("k", Pack(row + "}"));
      parts[random.Below(parts.size())].Add("k", Pack(row + "}"));
    }
    for (size_t i = 1; i < parts.size(); ++i) ASSERT_TRUE(parts[0].Merge(std::move(parts[i])));
    ASSERT_EQ(RowsOf(parts[0]), RowsOf(whole));
  }
}

}  // namespace
}  // namespace topgun::query
