#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "state/cell.h"
#include "state/counted.h"
#include "state/feed_entry.h"
#include "state/keys.h"
#include "state/position.h"
#include "state/scripts.h"

namespace topgun::state {
namespace {

using std::string_literals::operator""s;

constexpr uint64_t kMaxU64 = std::numeric_limits<uint64_t>::max();

// --- Position ---

TEST(PositionTest, PrintsAndParses) {
  for (const Position position :
       {Position{}, Position{1, 2}, Position{28'000'000, 9'007'199'254'740'993},
        Position{kMaxU64, kMaxU64}}) {
    EXPECT_EQ(ParsePosition(ToString(position)), position) << ToString(position);
  }
  EXPECT_EQ(ToString({7, 42}), "7-42");
}

TEST(PositionTest, RejectsAnythingElse) {
  for (const std::string_view text : {"", "-", "1", "1-", "-1", "1--1", "1-2-3", " 1-2", "1-2 ",
                                      "+1-2", "1-+2", "a-b", "1-0x2", "18446744073709551616-1"}) {
    EXPECT_FALSE(ParsePosition(text).has_value()) << text;
  }
}

TEST(PositionTest, OrdersByIncarnationFirst) {
  EXPECT_LT((Position{1, 900}), (Position{2, 1}));
  EXPECT_LT((Position{2, 1}), (Position{2, 2}));
}

// --- Keys ---

TEST(KeysTest, SlotIsCrc16Xmodem) {
  EXPECT_EQ(SlotOf("123456789"), 0x31c3U);  // the check value of the algorithm, below 16384
  EXPECT_EQ(SlotOf("foo"), 12182U);         // CLUSTER KEYSLOT foo
  EXPECT_EQ(SlotOf(""), 0U);
}

TEST(KeysTest, EveryShardTagFallsIntoItsRangeOfSlots) {
  for (uint32_t count = 1; count <= kShardCountMax; ++count) {
    for (uint32_t shard = 0; shard < count; ++shard) {
      const std::string tag = ShardTag(shard, count);
      ASSERT_EQ(SlotOf(tag) * count / 16384, shard) << tag << " of " << count;
      ASSERT_TRUE(tag.starts_with("s" + std::to_string(shard) + ".")) << tag;
    }
  }
}

TEST(KeysTest, ShardTagIsStable) {
  // Names of keys in existing clusters: these may never change.
  EXPECT_EQ(ShardTag(0, 1), "s0.0");
  const ShardKeys keys("tg", 0, 1);
  EXPECT_EQ(keys.meta(), "tg:{s0.0}:meta");
  EXPECT_EQ(keys.feed(), "tg:{s0.0}:feed");
  EXPECT_EQ(keys.maps(), "tg:{s0.0}:maps");
  EXPECT_EQ(keys.unloaded(), "tg:{s0.0}:unloaded");
  EXPECT_EQ(keys.loading(), "tg:{s0.0}:loading");
  EXPECT_EQ(keys.Cells(CellKind::kLww, "todos"), "tg:{s0.0}:l:todos");
  EXPECT_EQ(keys.Cells(CellKind::kOr, "a:b"), "tg:{s0.0}:o:a:b");
  EXPECT_EQ(keys.Cells(CellKind::kCounter, ""), "tg:{s0.0}:c:");
  EXPECT_EQ(ShardCountKey("tg"), "tg:shards");
}

TEST(KeysTest, ShardIsThePartitionModuloTheCount) {
  EXPECT_EQ(ShardOf("hello", kShardCountMax), 95U);  // core.md 8.1
  EXPECT_EQ(ShardOf("key1", kShardCountMax), 268U);
  EXPECT_EQ(ShardOf("key1", 16), 268U % 16);
  EXPECT_EQ(ShardOf("key1", 1), 0U);
}

TEST(KeysTest, MapIdRoundTrips) {
  for (const CellKind kind : {CellKind::kLww, CellKind::kOr, CellKind::kCounter}) {
    for (const std::string& map : {""s, "todos"s, "\0\xff{}"s}) {
      const std::string id = MapId(kind, map);
      MapIdView view;
      ASSERT_TRUE(ParseMapId(id, &view));
      EXPECT_EQ(view.kind, kind);
      EXPECT_EQ(view.map, map);
    }
  }
  MapIdView view;
  for (const std::string& id : {""s, "\0x"s, "\x04x"s, "\xffx"s}) {
    EXPECT_FALSE(ParseMapId(id, &view));
  }
}

TEST(KeysTest, CellFieldRoundTrips) {
  const std::string long_key(300, 'k');
  for (const std::string& key : {""s, "a"s, "\x80\x00"s, long_key}) {
    for (const std::string& tag : {""s, "1:2:n"s, "\0"s}) {
      FieldView view;
      const std::string field = CellField(CellKind::kOr, key, tag);
      ASSERT_TRUE(ParseCellField(CellKind::kOr, field, &view));
      EXPECT_EQ(view.key, key);
      EXPECT_EQ(view.tag, tag);
    }
    EXPECT_EQ(CellField(CellKind::kLww, key, "ignored"), key);
    EXPECT_EQ(CellField(CellKind::kCounter, key, ""), key);
  }
  // The length keeps ("a", "bc") and ("ab", "c") apart.
  EXPECT_NE(CellField(CellKind::kOr, "a", "bc"), CellField(CellKind::kOr, "ab", "c"));
  FieldView view;
  EXPECT_FALSE(ParseCellField(CellKind::kOr, "", &view));
  EXPECT_FALSE(ParseCellField(CellKind::kOr, "\x05xxxx", &view));
  EXPECT_FALSE(ParseCellField(CellKind::kOr, "\x80", &view));
}

// --- Cell ---

CellView LiveCell() {
  CellView cell;
  cell.version = {28'000'000, 300};
  cell.commit_ms = 1'700'000'000'123;
  cell.timestamp = {1'700'000'000'000, 7, "node-1"};
  cell.has_ttl = true;
  cell.ttl_ms = 1500.5;
  cell.value = "\xa2hi";
  return cell;
}

void ExpectSame(const CellView& a, const CellView& b) {
  EXPECT_EQ(a.version, b.version);
  EXPECT_EQ(a.commit_ms, b.commit_ms);
  EXPECT_TRUE(a.timestamp == b.timestamp);
  EXPECT_EQ(a.tombstone, b.tombstone);
  EXPECT_EQ(a.has_ttl, b.has_ttl);
  EXPECT_EQ(a.ttl_ms, b.ttl_ms);
  EXPECT_EQ(a.value, b.value);
}

TEST(CellTest, RoundTrips) {
  std::vector<CellView> cells = {CellView{}, LiveCell()};
  CellView cell = LiveCell();
  cell.has_ttl = false;
  cell.ttl_ms = 0;
  cells.push_back(cell);
  cell.tombstone = true;
  cell.value = {};
  cells.push_back(cell);
  cell.timestamp = {-1, std::numeric_limits<int64_t>::min(), ""};
  cell.version = {kMaxU64, kMaxU64};
  cells.push_back(cell);
  cell.has_ttl = true;
  cell.ttl_ms = -std::numeric_limits<double>::infinity();
  cells.push_back(cell);
  for (const CellView& original : cells) {
    const std::string bytes = EncodeCell(original);
    CellView decoded;
    ASSERT_TRUE(DecodeCell(bytes, &decoded));
    ExpectSame(original, decoded);
  }
}

TEST(CellTest, HasTheDocumentedBytes) {
  CellView cell;
  cell.version = {1, 300};
  cell.commit_ms = 5;
  cell.timestamp = {6, 7, "ab"};
  cell.has_ttl = true;
  cell.ttl_ms = 1.0;
  cell.value = "\xc3";
  EXPECT_EQ(EncodeCell(cell),
            "\x01\x02\x01\xac\x02\x05\x06\x07\x02"
            "ab\0\0\0\0\0\0\xf0\x3f\xc3"s);
  cell.tombstone = true;
  cell.has_ttl = false;
  EXPECT_EQ(EncodeCell(cell),
            "\x01\x01\x01\xac\x02\x05\x06\x07\x02"s
            "ab")
      << "a tombstone keeps no value";
}

TEST(CellTest, RejectsEveryTruncationOfItsHead) {
  const std::string bytes = EncodeCell(LiveCell());
  const size_t head = bytes.size() - LiveCell().value.size();
  CellView cell;
  for (size_t size = 0; size < head; ++size) {
    EXPECT_FALSE(DecodeCell(std::string_view(bytes).substr(0, size), &cell)) << size;
  }
}

TEST(CellTest, RejectsUnknownFormatsAndFlags) {
  std::string bytes = EncodeCell(LiveCell());
  CellView cell;
  bytes[0] = 2;
  EXPECT_FALSE(DecodeCell(bytes, &cell));
  bytes[0] = 1;
  bytes[1] = 4;
  EXPECT_FALSE(DecodeCell(bytes, &cell));
  bytes[1] = 3;  // a tombstone with a value
  EXPECT_FALSE(DecodeCell(bytes, &cell));
}

TEST(CellTest, ExpiresStrictlyAfterItsTtl) {
  CellView cell;
  cell.timestamp.millis = 1000;
  cell.has_ttl = true;
  cell.ttl_ms = 500;
  EXPECT_TRUE(cell.Live(1500));
  EXPECT_FALSE(cell.Live(1501));
  cell.ttl_ms = 0;
  EXPECT_TRUE(cell.Live(9999)) << "zero means no TTL";
  cell.tombstone = true;
  EXPECT_FALSE(cell.Live(0));
}

// --- Feed entries ---

std::string SomeEntry(FeedEntryBuilder& builder) {
  ChangeView lww;
  lww.kind = CellKind::kLww;
  lww.flags = kChangeWasLive;
  lww.map = builder.MapIndex("todos");
  lww.origin = builder.OriginIndex("conn-1");
  lww.key = "k1";
  lww.cell = "cell-1";
  builder.Add(lww);
  ChangeView tagged;
  tagged.kind = CellKind::kOr;
  tagged.flags = kChangeTellOrigin;
  tagged.map = builder.MapIndex("tags");
  tagged.origin = builder.OriginIndex("");
  tagged.key = "k2";
  tagged.tag = "tag";
  builder.Add(tagged);
  lww.key = "k3";
  lww.map = builder.MapIndex("todos");
  builder.Add(lww);
  return builder.Build(1'700'000'000'000);
}

TEST(FeedEntryTest, CommitRoundTrips) {
  FeedEntryBuilder builder;
  const std::string bytes = SomeEntry(builder);
  EXPECT_EQ(builder.change_count(), 3U);
  FeedEntryView entry;
  ASSERT_TRUE(DecodeFeedEntry(bytes, &entry));
  EXPECT_FALSE(entry.is_marker);
  EXPECT_EQ(entry.wall_ms, 1'700'000'000'000);
  EXPECT_EQ(entry.maps, (std::vector<std::string_view>{"todos", "tags"}));
  EXPECT_EQ(entry.origins, (std::vector<std::string_view>{"", "conn-1"}));
  ASSERT_EQ(entry.changes.size(), 3U);
  EXPECT_EQ(entry.changes[0].kind, CellKind::kLww);
  EXPECT_EQ(entry.changes[0].flags, kChangeWasLive);
  EXPECT_EQ(entry.changes[0].origin, 1U);
  EXPECT_EQ(entry.changes[0].key, "k1");
  EXPECT_EQ(entry.changes[0].cell, "cell-1");
  EXPECT_EQ(entry.changes[1].kind, CellKind::kOr);
  EXPECT_EQ(entry.changes[1].flags, kChangeTellOrigin);
  EXPECT_EQ(entry.changes[1].map, 1U);
  EXPECT_EQ(entry.changes[1].origin, 0U);
  EXPECT_EQ(entry.changes[1].tag, "tag");
  EXPECT_EQ(entry.changes[2].map, 0U);
  EXPECT_EQ(entry.changes[2].key, "k3");
}

TEST(FeedEntryTest, BuilderStartsAfreshAfterClear) {
  FeedEntryBuilder builder;
  const std::string first = SomeEntry(builder);
  builder.Clear();
  EXPECT_EQ(builder.change_count(), 0U);
  EXPECT_EQ(SomeEntry(builder), first);
}

TEST(FeedEntryTest, MarkerRoundTripsIntoAReusedView) {
  FeedEntryBuilder builder;
  FeedEntryView entry;
  ASSERT_TRUE(DecodeFeedEntry(SomeEntry(builder), &entry));
  ASSERT_TRUE(DecodeFeedEntry(EncodeMarker(12, {3, 400}), &entry));
  EXPECT_TRUE(entry.is_marker);
  EXPECT_EQ(entry.wall_ms, 12);
  EXPECT_EQ(entry.marker_tail, (Position{3, 400}));
  EXPECT_TRUE(entry.maps.empty() && entry.origins.empty() && entry.changes.empty());
  EXPECT_EQ(EncodeMarker(12, {3, 400}), "\x02\x0c\x03\x90\x03");
}

TEST(FeedEntryTest, RejectsEveryTruncationAndAnyTail) {
  FeedEntryBuilder builder;
  FeedEntryView entry;
  for (const std::string& bytes : {SomeEntry(builder), EncodeMarker(1000, {1, 1000})}) {
    ASSERT_TRUE(DecodeFeedEntry(bytes, &entry));
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_FALSE(DecodeFeedEntry(std::string_view(bytes).substr(0, size), &entry)) << size;
    }
    EXPECT_FALSE(DecodeFeedEntry(bytes + '\0', &entry));
  }
}

TEST(FeedEntryTest, TracesFollowTheChanges) {
  FeedEntryBuilder builder;
  const std::string without = SomeEntry(builder);
  for (size_t i = 0; i <= FeedEntryBuilder::kTracesMax; ++i) {
    builder.AddTrace({"parent-" + std::to_string(i), i == 0 ? "vendor=1" : ""});
  }
  const std::string bytes = builder.Build(1'700'000'000'000);
  EXPECT_TRUE(bytes.starts_with(without));
  FeedEntryView entry;
  ASSERT_TRUE(DecodeFeedEntry(bytes, &entry));
  ASSERT_EQ(entry.traces.size(), FeedEntryBuilder::kTracesMax) << "no more are kept";
  EXPECT_EQ(entry.traces[0].traceparent, "parent-0");
  EXPECT_EQ(entry.traces[0].tracestate, "vendor=1");
  EXPECT_EQ(entry.traces[7].traceparent, "parent-7");
  EXPECT_EQ(entry.changes.size(), 3U);
  for (size_t size = without.size() + 1; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeFeedEntry(std::string_view(bytes).substr(0, size), &entry)) << size;
  }
  EXPECT_FALSE(DecodeFeedEntry(bytes + '\0', &entry));
  EXPECT_FALSE(DecodeFeedEntry(without + "\x09" + std::string(18, '\0'), &entry)) << "too many";
  ASSERT_TRUE(DecodeFeedEntry(without, &entry));
  EXPECT_TRUE(entry.traces.empty()) << "the view is reused";
  builder.Clear();
  EXPECT_EQ(SomeEntry(builder), without);
}

TEST(FeedEntryTest, RejectsWhatNoBuilderWrites) {
  FeedEntryView entry;
  const std::string change = "\x01\x00\x00\x00\x01k\x00\x00"s;  // LWW, map 0, origin 0
  ASSERT_TRUE(DecodeFeedEntry("\x01\x05\x01\x01m\x01\x00\x01"s + change, &entry));
  EXPECT_FALSE(entry.awaited);
  ASSERT_TRUE(DecodeFeedEntry("\x03\x05\x01\x01m\x01\x00\x01"s + change, &entry));
  EXPECT_TRUE(entry.awaited);
  EXPECT_FALSE(DecodeFeedEntry("\x04\x05\x01\x01m\x01\x00\x01"s + change, &entry)) << "type";
  EXPECT_FALSE(DecodeFeedEntry("\x01\x05\x00\x01\x00\x01"s + change, &entry)) << "map index";
  EXPECT_FALSE(DecodeFeedEntry("\x01\x05\x01\x01m\x00\x01"s + change, &entry)) << "no origins";
  EXPECT_FALSE(DecodeFeedEntry("\x01\x05\x01\x01m\x01\x01o\x01"s + change, &entry))
      << "the first origin must be empty";
  EXPECT_FALSE(DecodeFeedEntry("\x01\x05\x01\x01m\x01\x00\x01\x04"s + change.substr(1), &entry))
      << "kind";
  EXPECT_FALSE(DecodeFeedEntry("\x01\x05\xff\xff\xff\xff\x0f"s, &entry)) << "count";
}

// --- What a node has counted ---

TEST(CountedTest, RoundTrips) {
  for (const Counted counted : {Counted{}, Counted{5, 1}, Counted{0.5, 1e300}, Counted{1e15, 0}}) {
    EXPECT_EQ(DecodeCounted(EncodeCounted(counted)), counted) << counted.positive;
  }
  EXPECT_EQ(EncodeCounted({5, 1}), "\x92\x05\x01");
}

TEST(CountedTest, AcceptsOnlyTwoAmounts) {
  EXPECT_TRUE(DecodeCounted("\x92\xcb\x40\x14\0\0\0\0\0\0\x01"s)) << "a whole float";
  for (const std::string& value :
       {""s, "\x05"s, "\x91\x05"s, "\x93\x05\x01\x01"s, "\x92\x05"s, "\x92\x05\x01\x01"s,
        "\x92\x05\xff"s, "\x92\x05\xa1x"s, "\x92\xc0\x01"s, "\x92\x01\xcb\x7f\xf0\0\0\0\0\0\0"s,
        "\x92\xcb\x7f\xf8\0\0\0\0\0\0\x01"s}) {
    EXPECT_FALSE(DecodeCounted(value)) << ::testing::PrintToString(value);
  }
}

TEST(CountedTest, TheLargerOfEachSideStays) {
  EXPECT_EQ(JoinOf({5, 1}, {3, 2}), (Counted{5, 2}));
  EXPECT_EQ(JoinOf({}, {3, 0}), (Counted{3, 0}));
}

// --- Scripts ---

TEST(ScriptsTest, AreEmbeddedUnderTheirDigest) {
  for (const Script* script :
       {&CommitScript(), &OpenScript(), &HydrateBeginScript(), &HydrateChunkScript(),
        &HydrateFinishScript(), &PersistedScript(), &LockAcquireScript(), &LockReleaseScript()}) {
    EXPECT_NE(script->source.find("redis.call"), std::string_view::npos) << script->name;
    EXPECT_EQ(script->sha1.size(), 40U);
    EXPECT_EQ(script->sha1.find_first_not_of("0123456789abcdef"), std::string::npos);
  }
  EXPECT_EQ(CommitScript().name, "commit");
  EXPECT_NE(CommitScript().sha1, OpenScript().sha1);
}

}  // namespace
}  // namespace topgun::state
