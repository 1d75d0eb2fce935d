// What POST /sync is made of: filters, cursors, pages and deltas.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gateway_http_sync_fakes.h"
#include "http/equality_filter.h"
#include "http/sync_cursor.h"
#include "http/sync_deltas.h"
#include "http/sync_page.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;

// ---- Filters ----

bool Passes(std::string_view filter, std::string_view value) {
  const StatusOr<EqualityFilter> parsed = EqualityFilter::Parse(Pack(filter));
  EXPECT_TRUE(parsed.ok());
  return parsed->Matches(Pack(value));
}

TEST(EqualityFilterTest, EveryNamedFieldMustBeEqual) {
  EXPECT_TRUE(Passes(R"({"a":1,"b":"x"})", R"({"b":"x","c":2,"a":1})"));
  EXPECT_FALSE(Passes(R"({"a":1,"b":"x"})", R"({"a":1})"));
  EXPECT_FALSE(Passes(R"({"a":1})", R"({"a":"1"})"));
  EXPECT_FALSE(Passes(R"({"a":1})", R"({"a":true})"));
  EXPECT_FALSE(Passes(R"({"a":1})", R"("a")"));
  EXPECT_FALSE(Passes(R"({"a":null})", R"({"a":null})"));
  EXPECT_TRUE(Passes(R"({"a":2.5,"b":false,"c":""})", R"({"a":2.5,"b":false,"c":""})"));
  // Numbers by value: 1 as float64.
  const StatusOr<EqualityFilter> one = EqualityFilter::Parse(Pack(R"({"a":1})"));
  EXPECT_TRUE(
      one->Matches(std::string("\x81\xa1"
                               "a\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00",
                               12)));
}

TEST(EqualityFilterTest, ContainersByStructure) {
  EXPECT_TRUE(Passes(R"({"a":{"x":1,"y":[1,{"z":2}]}})", R"({"a":{"y":[1,{"z":2}],"x":1}})"));
  EXPECT_FALSE(Passes(R"({"a":{"x":1}})", R"({"a":{"x":1,"y":2}})"));
  EXPECT_FALSE(Passes(R"({"a":[1,2]})", R"({"a":[2,1]})"));
  EXPECT_FALSE(Passes(R"({"a":[1]})", R"({"a":[1,2]})"));
  EXPECT_TRUE(Passes(R"({"a":[]})", R"({"a":[]})"));
}

TEST(EqualityFilterTest, NamesAreFieldsOrPaths) {
  EXPECT_TRUE(Passes(R"({"a.b":1})", R"({"a":{"b":1}})"));
  EXPECT_TRUE(Passes(R"({"a.b":1})", R"({"a.b":1,"a":{"b":2}})"));
  EXPECT_FALSE(Passes(R"({"a.b":1})", R"({"a":1})"));
  EXPECT_FALSE(Passes(R"({"a.":1})", R"({"a":1})"));
  EXPECT_TRUE(Passes(R"({"":1})", R"({"":1})"));
}

TEST(EqualityFilterTest, AnythingButAMapLetsEverythingPass) {
  for (const char* const filter : {"null", "[1]", "5", "{}"}) {
    EXPECT_TRUE(Passes(filter, R"({"a":1})")) << filter;
    EXPECT_TRUE(Passes(filter, "7")) << filter;
  }
  EXPECT_TRUE(EqualityFilter::Parse("")->Matches(Pack("7")));
}

TEST(EqualityFilterTest, HasALimit) {
  json::object filter;
  for (size_t i = 0; i < EqualityFilter::kFieldsMax; ++i) filter["f" + std::to_string(i)] = 1;
  EXPECT_TRUE(EqualityFilter::Parse(support::ToMsgpack(filter)).ok());
  filter["more"] = 1;
  EXPECT_FALSE(EqualityFilter::Parse(support::ToMsgpack(filter)).ok());
  EXPECT_FALSE(EqualityFilter::Parse("\x81\x01\x01").ok());
}

// ---- Cursors ----

TEST(SyncCursorTest, LeadsBackToItsKey) {
  for (const std::string& key :
       {std::string(), std::string("k"), std::string("a\0\xff", 3), std::string(1'000, 'x')}) {
    const std::string cursor = EncodeCursor({.map = "m", .filter = "f"}, key, 1'000);
    EXPECT_EQ(cursor.find_first_of("+/"), std::string::npos);
    const auto decoded = DecodeCursor({.map = "m", .filter = "f"}, cursor, 1'000 + kCursorValidMs);
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, key);
  }
}

TEST(SyncCursorTest, IsRefusedElsewhereAndLater) {
  const std::string cursor = EncodeCursor({.map = "m", .filter = "f"}, "key", 1'000);
  const auto decodes = [](std::string_view map, std::string_view filter, std::string_view text,
                          int64_t now_ms) {
    return DecodeCursor({.map = map, .filter = filter}, text, now_ms).ok();
  };
  EXPECT_FALSE(decodes("m", "f", cursor, 1'001 + kCursorValidMs));
  EXPECT_FALSE(decodes("n", "f", cursor, 1'000));
  EXPECT_FALSE(decodes("m", "g", cursor, 1'000));
  // Damage never leads to another key; some bits at the end mean nothing.
  for (size_t i = 0; i < cursor.size(); ++i) {
    std::string damaged = cursor;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    const auto key = DecodeCursor({.map = "m", .filter = "f"}, damaged, 1'000);
    EXPECT_EQ(key.ok() ? *key : "key", "key") << i;
    if (i < cursor.size() - 4) {
      EXPECT_FALSE(key.ok()) << i;
    }
  }
  for (const char* const text : {"", "x", "====", "AAAAAAAAAAAAAAAAAAAA", "\xff\xff"}) {
    EXPECT_FALSE(decodes("m", "f", text, 1'000)) << text;
  }
  EXPECT_FALSE(decodes("m", "f", std::string(1 << 20, 'A'), 1'000));
}

// ---- Pages ----

TEST(SyncPageTest, IsLimitedByRowsBytesOffsetAndCursor) {
  const EqualityFilter all = *EqualityFilter::Parse("");
  const std::vector<std::string> keys = {"a", "b", "c", "d", "e"};
  const auto fill = [&](SyncPage& page) {
    std::string got;
    for (const std::string& key : keys) {
      if (!page.Add(key, key)) break;
    }
    for (const std::string_view value : page.values()) got.append(value);
    return got + (page.has_more() ? "+" : "");
  };
  const PageLimits none;
  const PageLimits rows{.rows_max = 3, .bytes_max = 100};
  const PageLimits bytes{.rows_max = 100, .bytes_max = 2};
  SyncPage plain(all, none, {}, 0, {});
  EXPECT_EQ(fill(plain), "abcde");
  EXPECT_EQ(plain.last_key(), "e");
  SyncPage limited(all, none, 2, 1, {});
  EXPECT_EQ(fill(limited), "bc+");
  EXPECT_EQ(limited.last_key(), "c");
  limited.Clear();
  EXPECT_EQ(fill(limited), "bc+");
  SyncPage exact(all, none, 5, 0, {});
  EXPECT_EQ(fill(exact), "abcde");
  SyncPage after(all, none, 2, 3, "c");
  EXPECT_EQ(fill(after), "de");
  SyncPage capped(all, rows, 1'000, 0, {});
  EXPECT_EQ(fill(capped), "abc+");
  SyncPage large(all, bytes, {}, 0, {});
  EXPECT_EQ(fill(large), "ab+");
  SyncPage nothing(all, none, 0, 0, {});
  EXPECT_EQ(fill(nothing), "+");
}

// ---- Deltas ----

TEST(SyncDeltasTest, BeginTheOverlapBeforeTheLastExchange) {
  EXPECT_EQ(DeltaStartOf({0, 0, ""}, kNow).since_ms, 0);
  EXPECT_EQ(DeltaStartOf({kNow - 1, 0, "n"}, kNow).since_ms, kNow - 1 - kDeltaOverlapMs);
  // A client's own idea of the future does not hide anything.
  EXPECT_EQ(DeltaStartOf({kNow * 2, 0, "n"}, kNow).since_ms, kNow - kDeltaOverlapMs);
  EXPECT_EQ(DeltaStartOf({kNow - 1, 0, "page-x"}, kNow).since_ms, kNow - 1 - kDeltaOverlapMs);
  EXPECT_EQ(DeltaStartOf({kNow - 1, 0, "page-99999999999999"}, kNow).since_ms,
            kNow - 1 - kDeltaOverlapMs);
}

TEST(SyncDeltasTest, RemovalsAreTombstones) {
  const auto answer = Answer({{"a", 5}, {"b", 3, true}, {"c", 4, false, 77}});
  const Delta made = MakeDelta("m", *answer, DeltaStartOf({0, 0, ""}, kNow), "node", 1'000);
  EXPECT_EQ(made.delta.map, "m");
  ASSERT_EQ(made.delta.records.size(), 3U);
  EXPECT_EQ(made.delta.records[0].key, "b");
  EXPECT_TRUE(made.delta.records[0].record.value.empty());
  EXPECT_EQ(made.delta.records[1].record.ttl_ms, 77);
  EXPECT_EQ(made.delta.records[2].record.value, Pack(R"({"of":"a"})"));
  EXPECT_EQ(made.delta.server_sync_timestamp.millis, kNow);
  EXPECT_EQ(made.node_id, "node");
}

TEST(SyncDeltasTest, PagesBringEverythingOnce) {
  std::vector<Committed> cells;
  for (int i = 0; i < 100; ++i) cells.push_back({"k" + std::to_string(i), 1'000 + i / 3});
  std::map<std::string, int> seen;
  crdt::Timestamp last{0, 0, ""};
  int pages = 0;
  for (int64_t now = kNow;; now += 5'000) {
    const DeltaStart start = DeltaStartOf(last.view(), now);
    // Written between the pages, late: the exchange after the last page has it.
    if (pages == 1) cells.push_back({"late", kNow - 1});
    const auto answer = Answer(cells, start.since_ms);
    const Delta made = MakeDelta("m", *answer, start, "node", 1'000);
    for (const auto& record : made.delta.records) ++seen[std::string(record.key)];
    last = {made.delta.server_sync_timestamp.millis, 0, made.node_id};
    ++pages;
    if (made.node_id == "node") break;
    ASSERT_LT(pages, 100);
  }
  EXPECT_GT(pages, 5);
  EXPECT_EQ(last.millis, kNow);
  seen.erase("late");
  EXPECT_EQ(seen.size(), 100U);
  for (const auto& [key, times] : seen) EXPECT_EQ(times, 1) << key;
  EXPECT_LE(DeltaStartOf(last.view(), kNow + 600'000).since_ms, kNow - 1);
}

TEST(SyncDeltasTest, KnowWhenRemovalsMayBeMissing) {
  const DeltaStart start = DeltaStartOf({kNow - 1'000, 0, "n"}, kNow);
  EXPECT_TRUE(IsBeyondHorizon(start, start.since_ms));
  EXPECT_FALSE(IsBeyondHorizon(start, start.since_ms - 1));
  EXPECT_FALSE(IsBeyondHorizon(DeltaStartOf({0, 0, ""}, kNow), kNow));
  EXPECT_FALSE(IsBeyondHorizon(DeltaStartOf({5, 0, "page-7"}, kNow), kNow));
}

}  // namespace
}  // namespace topgun::gateway
