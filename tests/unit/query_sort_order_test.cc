// Ranks: their bytes compare like the rows do, whatever the rows are.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "msgpack/writer.h"
#include "query/sort_order.h"
#include "query_pack.h"
#include "support/random.h"

namespace topgun::query {
namespace {

SortOrder Order(std::string_view sort) {
  StatusOr<SortOrder> order = SortOrder::Parse(Pack(sort));
  EXPECT_TRUE(order.ok()) << order.status();
  return order.ok() ? *std::move(order) : SortOrder();
}

std::string Rank(const SortOrder& order, std::string_view key, std::string_view value) {
  std::string rank;
  order.AppendRank(key, value, rank);
  return rank;
}

// Each comes before the next, with the keys against it.
void ExpectAscending(const SortOrder& order, const std::vector<std::string>& values) {
  for (size_t i = 1; i < values.size(); ++i) {
    EXPECT_LT(Rank(order, "b", values[i - 1]), Rank(order, "a", values[i])) << i;
  }
}

std::vector<std::string> Rows(std::initializer_list<std::string_view> fields) {
  std::vector<std::string> rows;
  for (const std::string_view field : fields) {
    rows.push_back(Pack(std::string(R"({"f":)").append(field).append("}")));
  }
  return rows;
}

TEST(SortOrderTest, IsByKeyWithoutFields) {
  for (const char* const none : {"[]", "{}", "null"}) {
    EXPECT_TRUE(Order(none).by_key());
    EXPECT_EQ(Rank(Order(none), "key", Pack(R"({"f":1})")), "key");
  }
  EXPECT_FALSE(Order(R"([{"field":"f"}])").by_key());
}

TEST(SortOrderTest, PutsNumbersFirstAndWhatIsMissingLast) {
  const SortOrder order = Order(R"([{"field":"f","direction":"asc"}])");
  ExpectAscending(order, Rows({"-1e300",
                               "-2.5",
                               "-1",
                               "0",
                               "1e-300",
                               "0.5",
                               "1",
                               "1000000",
                               "\"\"",
                               "\"10\"",
                               "\"9\"",
                               "\"a\"",
                               "\"a\\u0000\"",
                               "\"a\\u0000b\"",
                               "\"a\\u0001\"",
                               "\"ab\"",
                               "false",
                               "\"true\"",
                               "\"z\"",
                               "\"\\uff5e\"",
                               "\"\\ud83d\\ude00\"",
                               "null"}));
}

TEST(SortOrderTest, ReversesAllButWhatIsMissing) {
  const SortOrder order = Order(R"([{"field":"f","direction":"desc"}])");
  ExpectAscending(order, Rows({"\"ab\"", "\"a\\u0001\"", "\"a\\u0000b\"", "\"a\\u0000\"", "\"a\"",
                               "\"\"", "1000000", "1", "0.5", "0", "-1", "-2.5", "null"}));
}

TEST(SortOrderTest, LeavesEqualRowsToTheirKeys) {
  for (const char* const direction : {"asc", "desc"}) {
    const SortOrder order =
        Order(std::string(R"([{"field":"f","direction":")") + direction + R"("}])");
    std::string one_as_double =
        "\x81\xa1"
        "f";
    msgpack::Writer(one_as_double).Float64(1);
    std::string minus_zero =
        "\x81\xa1"
        "f";
    msgpack::Writer(minus_zero).Float64(-0.0);
    std::string nan =
        "\x81\xa1"
        "f";
    msgpack::Writer(nan).Float64(std::numeric_limits<double>::quiet_NaN());
    for (const auto& [left, right] : std::vector<std::pair<std::string, std::string>>{
             {Pack(R"({"f":1})"), one_as_double},
             {Pack(R"({"f":0})"), minus_zero},
             {Pack(R"({"f":null})"), Pack("{}")},
             {nan, Pack("{}")},
             {Pack("[1]"), Pack("7")},
             {Pack(R"({"f":true})"), Pack(R"({"f":"true"})")}}) {
      EXPECT_LT(Rank(order, "a", left), Rank(order, "b", right));
      EXPECT_LT(Rank(order, "a", right), Rank(order, "b", left));
    }
  }
}

TEST(SortOrderTest, GoesFieldByField) {
  const SortOrder order =
      Order(R"([{"field":"a","direction":"desc"},{"field":"b","direction":"asc"}])");
  ExpectAscending(order, {Pack(R"({"a":2,"b":1})"), Pack(R"({"a":2,"b":5})"), Pack(R"({"a":2})"),
                          Pack(R"({"a":1,"b":0})"), Pack(R"({"b":0})"), Pack(R"({"b":"x"})")});
  const SortOrder old = Order(R"({"a":"desc","b":"asc"})");
  const std::string row = Pack(R"({"a":1,"b":"x"})");
  EXPECT_EQ(Rank(old, "k", row), Rank(order, "k", row));
}

TEST(SortOrderTest, KnowsTheKeyAndValuesThatAreNoMaps) {
  const SortOrder by_key = Order(R"([{"field":"_key","direction":"desc"}])");
  EXPECT_LT(Rank(by_key, "b", Pack("{}")), Rank(by_key, "a", Pack("{}")));
  const SortOrder by_value = Order(R"([{"field":"_value","direction":"asc"}])");
  EXPECT_LT(Rank(by_value, "b", Pack("1")), Rank(by_value, "a", Pack("2")));
  EXPECT_LT(Rank(by_value, "b", Pack("1")), Rank(by_value, "a", Pack(R"({"f":0})")));
}

TEST(SortOrderTest, FieldsAreNoPaths) {
  const SortOrder order = Order(R"([{"field":"a.b","direction":"asc"}])");
  EXPECT_LT(Rank(order, "b", Pack(R"({"a.b":1})")), Rank(order, "a", Pack(R"({"a":{"b":0}})")));
}

TEST(SortOrderTest, ComparesTheBeginningOfLongTexts) {
  const SortOrder order = Order(R"([{"field":"f"}])");
  const auto row = [](size_t size, std::string_view end) {
    return Pack(R"({"f":")" + std::string(size, 'x') + std::string(end) + R"("})");
  };
  constexpr size_t kMax = SortOrder::kTextBytesMax;
  EXPECT_LT(Rank(order, "b", row(kMax - 1, "a")), Rank(order, "a", row(kMax - 1, "b")));
  EXPECT_LT(Rank(order, "a", row(kMax, "b")), Rank(order, "b", row(kMax, "a")));
  EXPECT_LE(Rank(order, "k", row(100'000, "")).size(), kMax + 10);
}

TEST(SortOrderTest, SaysWhatIsWrong) {
  const auto problem = [](std::string_view sort) {
    return std::string(Message(SortOrder::Parse(Pack(sort)).status()));
  };
  EXPECT_EQ(problem("\"a\""), "sort: must be an array");
  EXPECT_EQ(problem("[1]"), "sort[0]: must be an object");
  EXPECT_EQ(problem(R"([{"field":"a"},{"direction":"asc"}])"), "sort[1].field: must be a text");
  EXPECT_EQ(problem(R"([{"field":"a","direction":"up"}])"),
            "sort[0].direction: must be asc or desc");
  EXPECT_EQ(problem(R"({"a":1})"), "sort.a: must be asc or desc");
  EXPECT_EQ(problem(R"([{"field":"a","direction":"asc","nulls":"first"}])"), "");
  EXPECT_EQ(Message(SortOrder::Parse("\x91").status()), "sort: malformed");
  std::string fields = R"([{"field":"f0"})";
  for (size_t i = 1; i < SortOrder::kFieldsMax; ++i) {
    fields += R"(,{"field":"f)" + std::to_string(i) + R"("})";
  }
  EXPECT_EQ(problem(fields + R"(,{"field":"f0"}])"), "") << "each counts once";
  EXPECT_EQ(problem(fields + R"(,{"field":"f"}])"), "sort: more than 16");
}

// ---- Against rules 1 to 5 of features.md 1.6, written down once more ----

struct SortField {
  enum class Kind : uint8_t { kMissing, kNil, kNumber, kText, kBool };

  Kind kind = Kind::kMissing;
  double number = 0;
  std::string text;

  bool missing() const {
    return kind == Kind::kMissing || kind == Kind::kNil ||
           (kind == Kind::kNumber && std::isnan(number));
  }
};

int CompareFields(const SortField& a, const SortField& b, bool descending) {
  if (a.missing() || b.missing()) return static_cast<int>(a.missing()) - int{b.missing()};
  const bool numbers = a.kind == SortField::Kind::kNumber && b.kind == a.kind;
  int order = 0;
  if (numbers) {
    order = a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
  } else if (a.kind == SortField::Kind::kNumber || b.kind == SortField::Kind::kNumber) {
    order = a.kind == SortField::Kind::kNumber ? -1 : 1;
  } else {
    const int texts = a.text.compare(b.text);
    order = texts < 0 ? -1 : texts > 0 ? 1 : 0;
  }
  return descending ? -order : order;
}

struct SortRow {
  std::string key;
  std::vector<SortField> fields;  // a, b, c
};

bool Before(const SortRow& a, const SortRow& b, const std::vector<bool>& descending) {
  for (size_t i = 0; i < descending.size(); ++i) {
    const int order = CompareFields(a.fields[i], b.fields[i], descending[i]);
    if (order != 0) return order < 0;
  }
  return a.key < b.key;
}

std::string RandomText(support::Random& random) {
  std::string text;
  for (uint64_t size = random.Below(4); size > 0; --size) {
    text.push_back(static_cast<char>(random.Pick(std::vector<int>{0, 1, 'a', 'b', 0x7f, 0xff})));
  }
  return text;
}

SortField RandomField(support::Random& random) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  SortField field;
  field.kind = static_cast<SortField::Kind>(random.Below(5));
  field.number = random.Pick(std::vector<double>{0, -0.0, 1, -1, 0.5, -0.5, 255, 1e300, -1e300,
                                                 5e-324, kInfinity, -kInfinity, std::nan("")});
  const bool yes = random.OneIn(2);
  field.text = field.kind == SortField::Kind::kBool ? (yes ? "true" : "false") : RandomText(random);
  return field;
}

std::string Encoded(const SortRow& row) {
  std::string bytes;
  uint32_t present = 0;
  for (const SortField& field : row.fields) {
    if (field.kind != SortField::Kind::kMissing) ++present;
  }
  msgpack::Writer writer(bytes);
  writer.MapHeader(present);
  for (size_t i = 0; i < row.fields.size(); ++i) {
    const SortField& field = row.fields[i];
    if (field.kind == SortField::Kind::kMissing) continue;
    writer.Str(std::string(1, static_cast<char>('a' + i)));
    if (field.kind == SortField::Kind::kNil) writer.Nil();
    if (field.kind == SortField::Kind::kNumber) writer.Float64(field.number);
    if (field.kind == SortField::Kind::kText) writer.Str(field.text);
    if (field.kind == SortField::Kind::kBool) writer.Bool(field.text == "true");
  }
  return bytes;
}

TEST(SortOrderLaws, RanksCompareAsRowsDo) {
  support::Random random(support::TestSeed());
  for (int round = 0; round < 300; ++round) {
    std::vector<bool> descending;
    std::string sort = "[";
    for (size_t i = 0; i < 3; ++i) {
      descending.push_back(random.OneIn(2));
      sort += std::string(i == 0 ? "" : ",") + R"({"field":")" + static_cast<char>('a' + i) +
              R"(","direction":")" + (descending.back() ? "desc" : "asc") + R"("})";
    }
    const SortOrder order = Order(sort + "]");
    std::vector<SortRow> rows;
    std::vector<std::string> ranks;
    for (int i = 0; i < 20; ++i) {
      SortRow row{.key = RandomText(random), .fields = {}};
      for (int field = 0; field < 3; ++field) row.fields.push_back(RandomField(random));
      ranks.push_back(Rank(order, row.key, Encoded(row)));
      rows.push_back(std::move(row));
    }
    for (size_t i = 0; i < rows.size(); ++i) {
      for (size_t j = 0; j < rows.size(); ++j) {
        ASSERT_EQ(ranks[i] < ranks[j], Before(rows[i], rows[j], descending)) << i << " " << j;
      }
    }
  }
}

}  // namespace
}  // namespace topgun::query
