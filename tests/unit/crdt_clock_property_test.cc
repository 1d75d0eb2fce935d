#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "crdt/hybrid_logical_clock.h"
#include "support/manual_clock.h"
#include "support/random.h"

namespace topgun::crdt {
namespace {

constexpr int64_t kExactMax = (int64_t{1} << 53) - 1;

TEST(HybridLogicalClock, IsNewerThanAllItMadeOrSaw) {
  support::Random random(support::TestSeed());
  support::ManualClock wall(1000);
  HybridLogicalClock clock("a", wall);
  Timestamp newest;
  for (int i = 0; i < 20'000; ++i) {
    wall.Advance(random.Between(-5, 5));  // wall clocks do go back
    if (random.OneIn(2)) {
      const Timestamp stamp = clock.Tick();
      ASSERT_GT(stamp, newest);
      newest = stamp;
    } else {
      const Timestamp remote(wall.NowMs() + random.Between(-50, 50), random.Between(0, 9), "b");
      ASSERT_TRUE(clock.Observe(remote.view()));
      newest = std::max(newest, remote);
    }
  }
}

TEST(HybridLogicalClock, MessagesBetweenSkewedClocksKeepTheirOrder) {
  support::Random random(support::TestSeed());
  std::vector<support::ManualClock> walls(3);
  std::vector<HybridLogicalClock> clocks;
  for (size_t i = 0; i < walls.size(); ++i) {
    walls[i].Set(random.Between(0, 10'000));
    clocks.emplace_back(std::string(1, static_cast<char>('a' + i)), walls[i]);
  }
  for (int i = 0; i < 5'000; ++i) {
    const size_t from = random.Below(clocks.size());
    const size_t to = random.Below(clocks.size());
    walls[from].Advance(random.Between(0, 3));
    const Timestamp sent = clocks[from].Tick();
    ASSERT_TRUE(clocks[to].Observe(sent.view()));
    ASSERT_GT(clocks[to].Tick(), sent);
  }
}

TEST(HybridLogicalClock, FullCounterCarriesIntoMillis) {
  const support::ManualClock wall(1000);
  HybridLogicalClock clock("a", wall);
  clock.Observe({5000, int64_t{UINT32_MAX} - 1, "b"});
  EXPECT_EQ(clock.last_counter(), int64_t{UINT32_MAX});
  EXPECT_EQ(clock.Tick(), Timestamp(5001, 0, "a"));
  clock.Observe({5001, kExactMax, "b"});
  EXPECT_EQ(clock.Tick(), Timestamp(5002, 1, "a"));
}

TEST(HybridLogicalClock, IgnoresWhatIsNoExactNumber) {
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
  constexpr int64_t kHigh = std::numeric_limits<int64_t>::max();
  const support::ManualClock wall(1000);
  for (const bool strict : {false, true}) {
    HybridLogicalClock clock("a", wall, strict);
    for (const TimestampView& remote : std::vector<TimestampView>{{kLow, 0, "b"},
                                                                  {kHigh, 0, "b"},
                                                                  {kExactMax + 1, 0, "b"},
                                                                  {1000, kHigh, "b"},
                                                                  {1000, kLow, "b"}}) {
      EXPECT_TRUE(clock.Observe(remote));
      EXPECT_EQ(clock.last_millis(), 0);
      EXPECT_EQ(clock.last_counter(), 0);
    }
  }
}

}  // namespace
}  // namespace topgun::crdt
