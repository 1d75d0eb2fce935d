#include <gtest/gtest.h>

#include "driver/fault_driver.h"
#include "fleet/fleet_report.h"
#include "options/faults.h"
#include "options/values.h"
#include "stats/process_memory.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;

TEST(OfflinePlanTest, ReadsWhatPeopleWrite) {
  const auto plan = ParseOfflinePlan("5s/30s");
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->away, milliseconds(5'000));
  EXPECT_EQ(plan->every, milliseconds(30'000));
  for (const char* bad : {"", "5s", "5s/", "/30s", "30s/5s", "5s/5s", "5x/30s"}) {
    EXPECT_FALSE(ParseOfflinePlan(bad).ok()) << bad;
  }
}

TEST(ShareTest, IsPercentOrFraction) {
  EXPECT_DOUBLE_EQ(ParseShare("5%").value_or(-1), 0.05);
  EXPECT_DOUBLE_EQ(ParseShare("0.25").value_or(-1), 0.25);
  EXPECT_DOUBLE_EQ(ParseShare("1").value_or(-1), 1);
  for (const char* bad : {"", "%", "5", "101%", "-1%", "5 %", "nan"}) {
    EXPECT_FALSE(ParseShare(bad).ok()) << bad;
  }
}

TEST(IsAwayTest, EverybodyIsAwayOncePerPeriodForTheSameTime) {
  const OfflinePlan plan{milliseconds(500), milliseconds(3'000)};
  constexpr uint32_t kTotal = 10;
  for (uint32_t number = 0; number < kTotal; ++number) {
    int ms_away = 0;
    for (int ms = 3'000; ms < 6'000; ++ms) {
      if (IsAway(plan, number, kTotal, milliseconds(ms))) ++ms_away;
    }
    EXPECT_EQ(ms_away, 500) << number;
  }
}

TEST(IsAwayTest, NeverMoreThanTheirShareAtATime) {
  const OfflinePlan plan{milliseconds(500), milliseconds(3'000)};
  constexpr uint32_t kTotal = 12;
  for (int ms = 0; ms < 6'000; ++ms) {
    int away = 0;
    for (uint32_t number = 0; number < kTotal; ++number) {
      if (IsAway(plan, number, kTotal, milliseconds(ms))) ++away;
    }
    EXPECT_LE(away, 2) << ms;
  }
}

TEST(IsAwayTest, NobodyIsWithoutAPlan) {
  EXPECT_FALSE(IsAway({}, 0, 1, milliseconds(0)));
  EXPECT_FALSE(IsAway({}, 0, 1, milliseconds(10'000)));
}

TEST(ProcessMemoryTest, ReadsTheKernelsText) {
  const auto memory = ParseSmapsRollup(
      "556ae88f3000-7ffc134de000 ---p 00000000 00:00 0                          [rollup]\n"
      "Rss:               23140 kB\nPss:                8656 kB\nPss_Dirty:          2856 kB\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->rss_bytes, 23'140U * 1024);
  EXPECT_EQ(memory->pss_bytes, 8'656U * 1024);
  EXPECT_FALSE(ParseSmapsRollup(""));
  EXPECT_FALSE(ParseSmapsRollup("x\nRss: none\nPss: 1 kB\n"));
}

TEST(FleetReportTest, MemoryPerConnectionIsTheGrowth) {
  FleetReport::Memory memory{"gateway", ProcessMemory{1'000, 0}, ProcessMemory{9'000, 0},
                             ProcessMemory{11'000, 0}};
  EXPECT_EQ(FleetReport::BytesPerConnection(memory, 10), 1'000);
  memory.held.reset();
  EXPECT_EQ(FleetReport::BytesPerConnection(memory, 10), 800);
  memory.before.reset();
  EXPECT_FALSE(FleetReport::BytesPerConnection(memory, 10));
}

}  // namespace
}  // namespace topgun::loadgen
