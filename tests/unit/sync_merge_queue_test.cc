// Putting together what loops have selected: slices of groups, queries in turn, limits.
#include "domain/merge_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "sync_fakes.h"
#include "sync_selection_fixture.h"

namespace topgun::sync {
namespace {

class MergeQueueTest : public testing::Test {
 protected:
  static constexpr size_t kGroups = 25;

  struct Merged {
    StatusOr<Snapshot> snapshot = Unavailable("not called");
    int calls = 0;
  };
  static bool Wanted() { return true; }

  // Two parts with the same groups, one row in each.
  Merged& AddGroups(MergeQueue::Wanted wanted = Wanted) {
    const auto selection =
        SelectionOf({.sort = R"([{"field":"n","direction":"desc"}])", .group_by = R"(["n"])"}, 2);
    std::vector<Selected> parts(2);
    for (Selected& part : parts) {
      part.groups.emplace(*selection->query.grouping());
      for (size_t i = 0; i < kGroups; ++i) {
        part.groups->Add("k", Packed(R"({"n":)" + std::to_string(i) + "}"));
      }
    }
    return Add(selection, std::move(parts), std::move(wanted));
  }
  Merged& AddRows() {
    std::vector<Selected> parts(2);
    parts[0].rows = {{"a", {"a", "1", {}}}, {"d", {"d", "1", {}}}};
    parts[1].rows = {{"b", {"b", "1", 5.0}}, {"c", {"c", "1", {}}}};
    parts[0].live_rows = 2;
    parts[1].live_rows = 7;
    return Add(SelectionOf({}, 3), std::move(parts), Wanted);
  }
  Merged& Add(std::shared_ptr<const Selection> selection, std::vector<Selected> parts,
              MergeQueue::Wanted wanted) {
    Merged& merged = merged_.emplace_back();
    queue_->Add(std::move(selection), std::move(parts), std::move(wanted),
                [&merged](StatusOr<Snapshot> snapshot) {
                  merged.snapshot = std::move(snapshot);
                  ++merged.calls;
                });
    return merged;
  }
  bool Shows(const std::string& sample) const {
    return registry_.Render().find("\n" + sample + "\n") != std::string::npos;
  }

  ManualScheduler scheduler_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  std::deque<Merged> merged_;
  std::unique_ptr<MergeQueue> queue_ =
      std::make_unique<MergeQueue>(MergeLimits{3, 10}, scheduler_, probe_);
};

TEST_F(MergeQueueTest, GroupsAreMergedInSlices) {
  const Merged& merged = AddGroups();
  EXPECT_TRUE(Shows("sync_queries_merging 1"));
  // 25 groups of one part are merged into those of the other, and all of them ranked.
  for (size_t groups = 10; groups < 2 * kGroups; groups += 10) {
    ASSERT_TRUE(scheduler_.RunOne());
    ASSERT_EQ(merged.calls, 0) << groups;
  }
  ASSERT_TRUE(scheduler_.RunOne());
  ASSERT_TRUE(merged.snapshot.ok());
  EXPECT_EQ(merged.snapshot->live_rows, kGroups);
  EXPECT_EQ(KeysOfRows(merged.snapshot->rows), "I24; I23;");
  EXPECT_TRUE(Shows("sync_queries_merging 0"));
}

TEST_F(MergeQueueTest, RowsAreMergedByRankAndCut) {
  const Merged& merged = AddRows();
  scheduler_.RunAll();
  ASSERT_TRUE(merged.snapshot.ok());
  EXPECT_EQ(KeysOfRows(merged.snapshot->rows), "a b c");
  EXPECT_EQ(merged.snapshot->rows[1].expires_ms, 5.0);
  EXPECT_EQ(merged.snapshot->live_rows, 9U);
}

TEST_F(MergeQueueTest, QueriesTakeTurns) {
  const Merged& many = AddGroups();
  const Merged& few = AddRows();
  ASSERT_TRUE(scheduler_.RunOne());
  ASSERT_TRUE(scheduler_.RunOne());
  EXPECT_EQ(few.calls, 1);
  EXPECT_EQ(many.calls, 0);
}

TEST_F(MergeQueueTest, SoManyWaitAndTheRestIsRefused) {
  for (int i = 0; i < 3; ++i) AddGroups();
  EXPECT_EQ(AddGroups().snapshot.status().code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(Shows("sync_scans_refused_total 1"));
  EXPECT_TRUE(Shows("sync_queries_merging 3"));
  scheduler_.RunAll();
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(merged_[i].snapshot.ok()) << i;
  const Merged& later = AddRows();
  scheduler_.RunAll();
  EXPECT_TRUE(later.snapshot.ok()) << "there is room again";
}

TEST_F(MergeQueueTest, WhatNobodyWaitsForIsDropped) {
  bool wanted = true;
  const Merged& merged = AddGroups([&wanted] { return wanted; });
  ASSERT_TRUE(scheduler_.RunOne());
  wanted = false;
  ASSERT_TRUE(scheduler_.RunOne());
  EXPECT_EQ(merged.snapshot.status().code(), StatusCode::kCancelled);
  EXPECT_FALSE(scheduler_.RunOne());
}

TEST_F(MergeQueueTest, TheEndIsTold) {
  const Merged& merged = AddGroups();
  queue_.reset();
  EXPECT_EQ(merged.calls, 1);
  EXPECT_EQ(merged.snapshot.status().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(Shows("sync_queries_merging 0"));
}

}  // namespace
}  // namespace topgun::sync
