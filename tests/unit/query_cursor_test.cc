// Cursors and the fingerprints of the queries that they belong to.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "query/cursor.h"
#include "query/query.h"
#include "query_pack.h"

namespace topgun::query {
namespace {

constexpr int64_t kIssuedMs = 1'700'000'000'000;

TEST(CursorTest, LeadsBack) {
  for (const std::string& after :
       {std::string(), std::string("k"), std::string("a\0\xff", 3), std::string(10'000, 'x')}) {
    const std::string text =
        EncodeCursor({.after = after, .fingerprint = ~uint64_t{0}, .issued_ms = kIssuedMs});
    EXPECT_EQ(text.find_first_of("+/="), std::string::npos);
    Cursor cursor;
    ASSERT_EQ(DecodeCursor(text, ~uint64_t{0}, kIssuedMs + kCursorLifeMs, &cursor),
              CursorStatus::kValid);
    EXPECT_EQ(cursor.after, after);
    EXPECT_EQ(cursor.issued_ms, kIssuedMs);
  }
}

TEST(CursorTest, IsOfOneQueryAndForAWhile) {
  const std::string text = EncodeCursor({.after = "k", .fingerprint = 7, .issued_ms = kIssuedMs});
  Cursor cursor;
  EXPECT_EQ(DecodeCursor(text, 8, kIssuedMs, &cursor), CursorStatus::kInvalid);
  EXPECT_EQ(DecodeCursor(text, 7, kIssuedMs + kCursorLifeMs + 1, &cursor), CursorStatus::kExpired);
  EXPECT_EQ(DecodeCursor(text, 8, kIssuedMs + kCursorLifeMs + 1, &cursor), CursorStatus::kExpired);
  EXPECT_EQ(DecodeCursor(text, 7, kIssuedMs - 5'000, &cursor), CursorStatus::kValid)
      << "from a gateway whose clock is ahead";
}

TEST(CursorTest, RefusesWhatIsNone) {
  Cursor cursor;
  EXPECT_EQ(DecodeCursor("", 7, kIssuedMs, &cursor), CursorStatus::kNone);
  const std::string text = EncodeCursor({.after = "key", .fingerprint = 7, .issued_ms = kIssuedMs});
  for (const std::string& damaged : std::vector<std::string>{
           "x", "not-a-cursor", "\xff\xff", "====", text.substr(1), text.substr(0, text.size() - 2),
           text + "AAAA", std::string(1U << 20U, 'A')}) {
    EXPECT_EQ(DecodeCursor(damaged, 7, kIssuedMs, &cursor), CursorStatus::kInvalid)
        << damaged.substr(0, 100);
  }
}

TEST(CursorTest, HasNamesForItsStates) {
  EXPECT_EQ(Name(CursorStatus::kNone), "none");
  EXPECT_EQ(Name(CursorStatus::kValid), "valid");
  EXPECT_EQ(Name(CursorStatus::kExpired), "expired");
  EXPECT_EQ(Name(CursorStatus::kInvalid), "invalid");
}

uint64_t FingerprintOf(const QueryText& text) {
  const StatusOr<Query> query = Query::Parse(text);
  EXPECT_TRUE(query.ok()) << query.status();
  return query.ok() ? query->fingerprint() : 0;
}

TEST(QueryTest, HasAFingerprintOfWhatDecidesOnRowsAndTheirOrder) {
  const std::string map = Pack(R"({"a":1})");
  const std::string predicate = Pack(R"({"op":"eq","attribute":"a","value":1})");
  const std::string sort = Pack(R"([{"field":"a","direction":"asc"}])");
  const std::string names = Pack(R"(["a"])");
  const std::string sums = Pack(R"([{"func":"sum","field":"a"}])");
  const std::string other = Pack(R"([{"func":"min","field":"a"}])");
  const uint64_t none = FingerprintOf({});
  const std::vector<uint64_t> different = {
      none,
      FingerprintOf({.where = map}),
      FingerprintOf({.predicate = predicate}),
      FingerprintOf({.where = map, .predicate = predicate}),
      FingerprintOf({.sort = sort}),
      FingerprintOf({.group_by = names}),
      FingerprintOf({.group_by = names, .aggregations = sums}),
      FingerprintOf({.group_by = names, .aggregations = other}),
  };
  for (size_t i = 0; i < different.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(different[i], different[j]) << i << " " << j;
  }
  EXPECT_EQ(FingerprintOf({.fields = names}), none);
  for (const std::string_view nothing : {"\xc0", "\x80"}) {
    EXPECT_EQ(FingerprintOf({.where = nothing, .predicate = nothing, .sort = nothing}), none);
  }
  EXPECT_EQ(FingerprintOf({.sort = "\x90", .group_by = "\x90", .aggregations = "\x90"}), none);
  EXPECT_EQ(FingerprintOf({.sort = std::string_view("\xdc\0\0", 3)}), none);
}

// Cursors outlive processes and travel between versions.
TEST(QueryTest, KeepsItsFingerprint) {
  EXPECT_EQ(FingerprintOf({}), 16745761692019274306U);
  EXPECT_EQ(FingerprintOf({.where = Pack(R"({"a":1})")}), 11021923186579773579U);
}

TEST(QueryTest, NamesThePartThatCannotBeUnderstood) {
  const std::string seven = Pack("7");
  const auto problem = [](const QueryText& text) {
    return std::string(Message(Query::Parse(text).status()));
  };
  EXPECT_TRUE(problem({.where = seven}).starts_with("where: "));
  EXPECT_TRUE(problem({.predicate = seven}).starts_with("predicate: "));
  EXPECT_TRUE(problem({.sort = seven}).starts_with("sort: "));
  EXPECT_TRUE(problem({.group_by = seven}).starts_with("groupBy: "));
  EXPECT_TRUE(problem({.fields = seven}).starts_with("fields: "));
  const std::string names = Pack(R"(["a"])");
  EXPECT_TRUE(problem({.group_by = names, .aggregations = seven}).starts_with("aggregations: "));
  EXPECT_EQ(problem({.aggregations = seven}), "") << "ignored without groupBy";
}

}  // namespace
}  // namespace topgun::query
