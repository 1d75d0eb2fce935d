// Single cells and the list of maps of a shard.
#include <gtest/gtest.h>

#include "domain/lookup.h"
#include "state/cell.h"
#include "support/manual_clock.h"
#include "sync_fakes.h"

namespace topgun::sync {
namespace {

class LookupTest : public testing::Test {
 protected:
  LookupTest() { shard_.OnConnected(); }

  static std::string Cell(std::string_view value, uint64_t n) {
    state::CellView cell;
    cell.version = {1, n};
    cell.timestamp = {1'700'000'000'000, 0, "client"};
    cell.value = value;
    return state::EncodeCell(cell);
  }

  void Read(std::vector<std::string> keys) {
    ReadLwwCells(shard_, "m", std::move(keys),
                 [this](StatusOr<std::vector<std::string>> cells) { cells_ = std::move(cells); });
  }

  ManualScheduler scheduler_;
  metrics::Registry registry_;
  Probe probe_{registry_};
  support::ManualClock wall_{1'700'000'000'000};
  crdt::HybridLogicalClock clock_{"sync", wall_};
  FakeRedis redis_;
  FakeOwner owner_{redis_, scheduler_};
  FakeStore store_{redis_, scheduler_};
  Shard shard_{0, {}, {store_, owner_, scheduler_, clock_, wall_, probe_}};
  StatusOr<std::vector<std::string>> cells_ = Unavailable("no answer yet");
};

TEST_F(LookupTest, ReadsCellsInTheOrderOfTheKeys) {
  redis_.cells["\x01m"] = {{"a", "cell a"}, {"b", "cell b"}};
  Read({"b", "missing", "a"});
  scheduler_.Advance(1000);
  ASSERT_TRUE(cells_.ok());
  EXPECT_EQ(*cells_, (std::vector<std::string>{"cell b", "", "cell a"}));
}

TEST_F(LookupTest, LoadsTheMapFirst) {
  redis_.unloaded["\x01m"] = {};
  owner_.rows = {{"k", "", Cell("\x07", 3)}};
  Read({"k"});
  scheduler_.Advance(1000);
  ASSERT_TRUE(cells_.ok());
  state::CellView cell;
  ASSERT_TRUE(state::DecodeCell(cells_->at(0), &cell));
  EXPECT_EQ(cell.value, "\x07");
}

TEST_F(LookupTest, WaitsForTheShardInsteadOfAnsweringEmpty) {
  scheduler_.Advance(1000);
  owner_.away = true;
  redis_.run = "run-2";
  shard_.OnDisconnected();
  Read({"k"});
  scheduler_.Advance(5000);
  EXPECT_FALSE(cells_.ok());
  owner_.away = false;
  store_.Reconnect();
  shard_.OnConnected();
  scheduler_.Advance(5000);
  EXPECT_TRUE(cells_.ok());
}

TEST_F(LookupTest, ListsLoadedAndUnloadedMaps) {
  redis_.cells["\x01m"] = {{"a", "1"}, {"b", "2"}};
  redis_.unloaded["\x02tags"] = {};
  StatusOr<std::vector<MapSize>> maps = Unavailable("no answer yet");
  ListMaps(shard_, [&maps](StatusOr<std::vector<MapSize>> answer) { maps = std::move(answer); });
  scheduler_.Advance(1000);
  ASSERT_TRUE(maps.ok());
  ASSERT_EQ(maps->size(), 2U);
  EXPECT_EQ(maps->at(0).map_id, "\x01m");
  EXPECT_EQ(maps->at(0).cells, 2U);
  EXPECT_EQ(maps->at(1).map_id, "\x02tags");
  EXPECT_EQ(maps->at(1).cells, 0U);
}

}  // namespace
}  // namespace topgun::sync
