// Queries over a map that is spread over shards and loops: rows and their order, pages, groups,
// scans that are interrupted, and how many there may be.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "domain/selection.h"
#include "support/msgpack_json.h"
#include "support/random.h"
#include "sync_selection_fixture.h"
#include "sync_view_fakes.h"

namespace topgun::sync {
namespace {

constexpr int64_t kSelectedAt = ViewCluster::kNow;
constexpr size_t kAll = 10'000;

// Slices of a few cells, and few scans at once.
ViewLimits SmallLimits() {
  ViewLimits limits;
  limits.scans.running_max = 2;
  limits.scans.waiting_max = 3;
  limits.scans.attempts_max = 3;
  limits.scans.slice = {3, std::chrono::hours(1)};
  return limits;
}

class SelectTest : public testing::Test {
 protected:
  void Put(std::string_view key, std::string_view json, double ttl_ms = 0) {
    const std::string value = Packed(json);
    WriteOp op;
    op.key = key;
    op.value = value;
    op.timestamp = {kSelectedAt, ++counter_, "client"};
    op.has_ttl = ttl_ms != 0;
    op.ttl_ms = ttl_ms;
    ASSERT_EQ(cluster_.Write("m", op), Outcome::kApplied);
  }
  void PutNumbered(size_t count) {
    for (size_t i = 0; i < count; ++i) {
      Put("k" + std::to_string(100 + i), R"({"n":)" + std::to_string(i) + "}");
    }
  }
  Snapshot Select(const QueryJson& query, size_t rows_max, std::optional<std::string> after = {}) {
    StatusOr<Snapshot> snapshot =
        cluster_.Select("m", SelectionOf(query, rows_max, std::move(after)));
    EXPECT_TRUE(snapshot.ok()) << Message(snapshot.status());
    return snapshot.ok() ? *std::move(snapshot) : Snapshot();
  }

  // One loop is asked; the answers come later.
  struct Answer {
    std::optional<Selected> selected;
    Status status = Unavailable("not called");
    int calls = 0;
  };
  static bool Wanted() { return true; }
  Answer& Ask(size_t loop, ScanQueue::Wanted wanted = Wanted) {
    Answer& answer = answers_.emplace_back();
    cluster_.loop(loop).Select("m", SelectionOf({}, kAll), std::move(wanted),
                               [&answer](StatusOr<Selected> selected) {
                                 answer.status = selected.status();
                                 if (selected.ok()) answer.selected.emplace(*std::move(selected));
                                 ++answer.calls;
                               });
    return answer;
  }
  void RunUntilScanning(int scans = 1) {
    while (cluster_.Metric("sync_scans_running") < scans) {
      ASSERT_TRUE(cluster_.scheduler().RunOne()) << "too few scans have begun";
    }
  }

  std::deque<Answer> answers_;  // outlive those that answer
  ViewCluster cluster_{SmallLimits()};
  uint32_t counter_ = 0;
};

TEST_F(SelectTest, RowsThatMatchInTheirOrder) {
  Put("a", R"({"kind":"x","price":5})");
  Put("b", R"({"kind":"x","price":7})");
  Put("c", R"({"kind":"y","price":6})");
  Put("d", R"({"kind":"x"})");
  Put("e", R"({"kind":"x","price":5})");
  Put("nil", "null");
  const QueryJson query{.where = R"({"kind":"x"})",
                        .sort = R"([{"field":"price","direction":"desc"}])"};
  const Snapshot all = Select(query, kAll);
  EXPECT_EQ(KeysOfRows(all.rows), "b a e d");
  EXPECT_EQ(all.live_rows, 4U);
  EXPECT_EQ(all.rows[0].value, Packed(R"({"kind":"x","price":7})"));
  EXPECT_EQ(all.positions.size(), size_t{ViewCluster::kShards});
  const Snapshot best = Select(query, 2);
  EXPECT_EQ(KeysOfRows(best.rows), "b a");
  EXPECT_EQ(best.live_rows, 4U) << "also those beyond";
  const Snapshot none = Select(query, 0);
  EXPECT_TRUE(none.rows.empty());
  EXPECT_EQ(none.live_rows, 4U);
  EXPECT_EQ(
      KeysOfRows(Select({.predicate = R"({"op":"gt","attribute":"price","value":5})"}, kAll).rows),
      "b c")
      << "without sort by key";
  EXPECT_EQ(Select({}, kAll).live_rows, 5U) << "nil is no row";
}

TEST_F(SelectTest, WhatWasAcknowledgedIsSeen) {
  for (int i = 0; i < 10; ++i) {
    Put("k" + std::to_string(i), "{}");
    ASSERT_EQ(Select({}, kAll).live_rows, static_cast<uint64_t>(i + 1));
  }
}

TEST_F(SelectTest, PagesJoin) {
  support::Random random(support::TestSeed());
  const std::vector<std::string> prices{"1", "2", "2.5", "-7", R"("text")", "null", "true"};
  for (int i = 0; i < 60; ++i) {
    Put("k" + std::to_string(i), R"({"price":)" + random.Pick(prices) + R"(,"stock":)" +
                                     std::to_string(random.Below(4)) + "}");
  }
  for (const std::string_view sort :
       {"", "[]", R"([{"field":"price","direction":"asc"}])",
        R"([{"field":"stock","direction":"desc"},{"field":"price","direction":"desc"}])"}) {
    const QueryJson query{.predicate = R"({"op":"gt","attribute":"stock","value":0})",
                          .sort = sort};
    const Snapshot whole = Select(query, kAll);
    const query::SortOrder order = SelectionOf(query, kAll)->query.order();
    ASSERT_GT(whole.rows.size(), 20U);
    std::vector<Row> joined;
    std::optional<std::string> after;
    for (size_t left = whole.rows.size(); left > 0;) {
      const Snapshot page = Select(query, 7, after);
      ASSERT_EQ(page.live_rows, left) << "selected behind the cursor";
      ASSERT_EQ(page.rows.size(), std::min<size_t>(left, 7));
      left -= page.rows.size();
      after.emplace();
      order.AppendRank(page.rows.back().key, page.rows.back().value, *after);
      joined.insert(joined.end(), page.rows.begin(), page.rows.end());
    }
    EXPECT_EQ(KeysOfRows(joined), KeysOfRows(whole.rows)) << sort;
    EXPECT_EQ(Select(query, 7, after).live_rows, 0U);
  }
}

TEST_F(SelectTest, ExpiredRowsAreHiddenAndOthersTellWhen) {
  Put("forever", "{}");
  Put("later", "{}", 5'000);
  Put("soon", "{}", 1'000);
  cluster_.wall().Advance(1'001);
  const Snapshot snapshot = Select({}, kAll);
  ASSERT_EQ(KeysOfRows(snapshot.rows), "forever later");
  EXPECT_FALSE(snapshot.rows[0].expires_ms.has_value());
  EXPECT_EQ(snapshot.rows[1].expires_ms, static_cast<double>(kSelectedAt + 5'000));
  const Snapshot groups = Select({.group_by = R"(["n"])"}, kAll);
  ASSERT_EQ(groups.rows.size(), 1U);
  EXPECT_FALSE(groups.rows[0].expires_ms.has_value());
}

// ---- Groups ----

TEST_F(SelectTest, GroupsAddUpOverAllLoops) {
  for (int i = 0; i < 30; ++i) {
    Put("k" + std::to_string(i),
        R"({"kind":")" + std::string(1, "abc"[i % 3]) + R"(","price":)" + std::to_string(i) + "}");
  }
  const QueryJson query{.predicate = R"({"op":"lt","attribute":"price","value":29})",
                        .sort = R"([{"field":"__sum_price","direction":"desc"}])",
                        .group_by = R"(["kind"])",
                        .aggregations = R"([{"func":"sum","field":"price"}])"};
  const auto text = [](const Row& row) {
    msgpack::Reader reader(row.value);
    const boost::json::value group = msgpack::NextAsJson(reader);
    std::string joined;
    for (const char* field : {"kind", "__count", "__sum_price"}) {
      joined += boost::json::serialize(group.at(field)) + " ";
    }
    return joined;
  };
  const Snapshot all = Select(query, kAll);
  ASSERT_EQ(all.rows.size(), 3U);
  EXPECT_EQ(all.live_rows, 3U);
  EXPECT_EQ(text(all.rows[0]), "\"b\" 10 145 ");
  EXPECT_EQ(text(all.rows[1]), "\"a\" 10 135 ");
  EXPECT_EQ(text(all.rows[2]), "\"c\" 9 126 ");

  const Snapshot first = Select(query, 2);
  EXPECT_EQ(KeysOfRows(first.rows), all.rows[0].key + " " + all.rows[1].key);
  EXPECT_EQ(first.live_rows, 3U);
  std::string rank;
  SelectionOf(query, 2)->query.order().AppendRank(first.rows[1].key, first.rows[1].value, rank);
  const Snapshot second = Select(query, 2, rank);
  EXPECT_EQ(KeysOfRows(second.rows), all.rows[2].key);
  EXPECT_EQ(second.live_rows, 1U) << "behind the cursor";
}

TEST_F(SelectTest, TooManyGroupsOfTheWholeMapAreRefused) {
  const auto selection = SelectionOf({.group_by = R"(["n"])"}, kAll);
  std::vector<Selected> parts(2);
  for (size_t i = 0; i < query::GroupTable::kGroupsMax + 1; ++i) {
    Selected& part = parts[i % 2];
    if (!part.groups.has_value()) part.groups.emplace(*selection->query.grouping());
    ASSERT_TRUE(part.groups->Add("k", Packed(R"({"n":)" + std::to_string(i) + "}")));
  }
  SelectionMerge merge(selection, std::move(parts));
  StatusOr<bool> complete = false;
  while (complete.ok() && !*complete) complete = merge.Continue(1'000);
  EXPECT_EQ(complete.status().code(), StatusCode::kResourceExhausted);
}

// ---- While the map changes ----

TEST_F(SelectTest, AScanStartsOverWhenAShardIsDropped) {
  PutNumbered(40);
  const Answer& answer = Ask(0);
  RunUntilScanning();
  cluster_.scheduler().RunOne();
  cluster_.Interrupt(0);
  cluster_.scheduler().Advance(5'000);
  ASSERT_TRUE(answer.status.ok()) << Message(answer.status);
  EXPECT_EQ(cluster_.Metric("sync_scans_started_over_total"), 1);
  size_t of_loop = 0;
  for (int i = 0; i < 40; ++i) {
    of_loop += cluster_.ShardOf("k" + std::to_string(100 + i)) % ViewCluster::kLoops == 0 ? 1 : 0;
  }
  EXPECT_EQ(answer.selected->rows.size(), of_loop);
  EXPECT_EQ(answer.selected->live_rows, of_loop);
}

TEST_F(SelectTest, AScanThatIsInterruptedAgainAndAgainIsGivenUp) {
  PutNumbered(40);
  const Answer& answer = Ask(0);
  for (int i = 0; i < 3; ++i) {
    RunUntilScanning();
    cluster_.Interrupt(2);
    while (cluster_.Metric("sync_scans_running") != 0) cluster_.scheduler().RunOne();
  }
  cluster_.scheduler().Advance(5'000);
  EXPECT_EQ(answer.calls, 1);
  EXPECT_EQ(answer.status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(cluster_.Metric("sync_scans_started_over_total"), 3);
  const Answer& again = Ask(0);
  cluster_.scheduler().Advance(5'000);
  EXPECT_TRUE(again.status.ok()) << "the next one is not affected";
}

TEST_F(SelectTest, PositionsAreThoseOfTheBeginning) {
  PutNumbered(40);
  const Answer& answer = Ask(0);
  RunUntilScanning();
  const state::Position before = cluster_.reader(0).feed().position();
  cluster_.redis(0).Append(state::FeedEntryBuilder().Build(0));
  cluster_.reader(0).Poll();
  cluster_.scheduler().Advance(5'000);
  ASSERT_TRUE(answer.status.ok());
  EXPECT_LT(before, cluster_.reader(0).feed().position());
  EXPECT_EQ(answer.selected->positions[0].position, before);
}

TEST_F(SelectTest, AViewThatIsScannedIsNotIdle) {
  PutNumbered(40);
  const Answer& answer = Ask(0);
  RunUntilScanning();
  cluster_.wall().Advance(1'000'000);
  cluster_.loop(0).DropIdle();
  EXPECT_EQ(cluster_.loop(0).size(), 1U);
  cluster_.scheduler().Advance(5'000);
  EXPECT_TRUE(answer.status.ok());
  cluster_.loop(0).DropIdle();
  EXPECT_EQ(cluster_.loop(0).size(), 0U);
}

// ---- How many ----

TEST_F(SelectTest, SoManyRunSoManyWaitAndTheRestIsRefused) {
  PutNumbered(40);
  ASSERT_TRUE(cluster_.Read("m", 0).ok());  // puts the keys in order
  for (size_t i = 0; i < 5; ++i) Ask(0);
  EXPECT_EQ(cluster_.Metric("sync_scans_waiting"), 5) << "for the view";
  EXPECT_EQ(Ask(0).status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(cluster_.Metric("sync_scans_refused_total"), 1);
  RunUntilScanning(2);
  EXPECT_EQ(cluster_.Metric("sync_scans_waiting"), 3);
  std::string order;
  const auto note = [&] {
    for (size_t i = 0; i < 5; ++i) {
      const char name = static_cast<char>('0' + i);
      if (answers_[i].calls > 0 && order.find(name) == std::string::npos) order += name;
    }
  };
  while (cluster_.scheduler().RunOne()) note();
  EXPECT_EQ(order, "01234");
  for (size_t i = 0; i < 5; ++i) EXPECT_TRUE(answers_[i].status.ok()) << i;
  EXPECT_EQ(cluster_.Metric("sync_scans_running"), 0);
  EXPECT_EQ(cluster_.Metric("sync_scans_waiting"), 0);
  EXPECT_EQ(cluster_.Metric("sync_scan_seconds_count"), 5);
  EXPECT_EQ(cluster_.Metric("sync_scanned_cells_total"),
            5.0 * static_cast<double>(answers_[0].selected->rows.size()));
  const Answer& later = Ask(0);
  cluster_.scheduler().Advance(5'000);
  EXPECT_TRUE(later.status.ok()) << "there is room again";
}

TEST_F(SelectTest, RunningScansTakeTurns) {
  PutNumbered(40);
  ASSERT_TRUE(cluster_.Read("m", 0).ok());  // puts the keys in order
  const Answer& first = Ask(0);
  Ask(0);
  while (first.calls == 0) ASSERT_TRUE(cluster_.scheduler().RunOne());
  EXPECT_GT(cluster_.Metric("sync_scanned_cells_total"),
            static_cast<double>(first.selected->rows.size()))
      << "the second one has begun";
}

TEST_F(SelectTest, WhatNobodyWaitsForIsNotScanned) {
  PutNumbered(40);
  bool wanted = true;
  const Answer& running = Ask(0, [&] { return wanted; });
  RunUntilScanning();
  cluster_.scheduler().RunOne();
  const Answer& waiting = Ask(0, [&] { return wanted; });
  wanted = false;
  const double cells = cluster_.Metric("sync_scanned_cells_total");
  cluster_.scheduler().Advance(5'000);
  EXPECT_EQ(running.status.code(), StatusCode::kCancelled);
  EXPECT_EQ(waiting.status.code(), StatusCode::kCancelled);
  EXPECT_EQ(cluster_.Metric("sync_scanned_cells_total"), cells);
}

TEST_F(SelectTest, TheEndOfALoopIsTold) {
  PutNumbered(40);
  for (size_t i = 0; i < 3; ++i) Ask(0);
  RunUntilScanning(2);
  Ask(0);
  cluster_.DropLoops();
  for (const Answer& answer : answers_) {
    EXPECT_EQ(answer.calls, 1);
    EXPECT_EQ(answer.status.code(), StatusCode::kUnavailable);
  }
}

}  // namespace
}  // namespace topgun::sync
