// lib/memory: what may go back to the system.
#include <gtest/gtest.h>

#include "memory/idle_floor.h"
#include "memory/trimmer.h"

namespace topgun::memory {
namespace {

constexpr IdleFloorOptions kOptions{.looks = 3, .keep_bytes = 10, .step_bytes = 100};

TEST(IdleFloorTest, NothingGoesBeforeAWholeWhileWasSeen) {
  IdleFloor floor(kOptions);
  EXPECT_EQ(floor.Look(50), 0u);
  EXPECT_EQ(floor.Look(50), 0u);
  EXPECT_EQ(floor.Look(50), 40u);
}

TEST(IdleFloorTest, WhatWasNeededOnceIsKeptForTheWhile) {
  IdleFloor floor(kOptions);
  floor.Look(50);
  floor.Look(12);  // a burst used 38 of them
  EXPECT_EQ(floor.Look(50), 2u);
  EXPECT_EQ(floor.Look(50), 2u);
  EXPECT_EQ(floor.Look(50), 40u);  // the burst is over for long enough
}

TEST(IdleFloorTest, KeepsSomeForTheNextBurst) {
  IdleFloor floor(kOptions);
  for (int look = 0; look < 5; ++look) EXPECT_EQ(floor.Look(10), 0u);
}

TEST(IdleFloorTest, GoesInSteps) {
  IdleFloor floor(kOptions);
  floor.Look(1'000);
  floor.Look(1'000);
  EXPECT_EQ(floor.Look(1'000), 100u);
  EXPECT_EQ(floor.Look(900), 100u);
  EXPECT_EQ(floor.Look(115), 100u);
  EXPECT_EQ(floor.Look(15), 5u);
}

TEST(TrimmerTest, EndsWithItsOwner) {
  metrics::Registry registry;
  { const Trimmer trimmer(registry); }
  EXPECT_NE(registry.Render().find("process_heap_returned_bytes_total"), std::string::npos);
}

}  // namespace
}  // namespace topgun::memory
