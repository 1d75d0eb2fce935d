// When a load is sent: rates over time, think times, and the options that say so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "config.h"
#include "driver/pacer.h"
#include "exit_code.h"
#include "workload/rate_curve.h"
#include "workload/think_time.h"

namespace topgun::loadgen {
namespace {

using testing::HasSubstr;

ParsedConfig Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), {"topgun-loadgen", "--no-auth"});
  return ParseConfig(static_cast<int>(arguments.size()), arguments.data());
}

TEST(RateCurveTest, ARampIsAStraightLineAndThenConstant) {
  const RateCurve ramp{100, 300, 10};
  EXPECT_EQ(ramp.RateAt(0), 100);
  EXPECT_EQ(ramp.RateAt(5), 200);
  EXPECT_EQ(ramp.RateAt(60), 300);
  EXPECT_EQ(ramp.OpsUntil(5), 750);
  EXPECT_EQ(ramp.OpsUntil(10), 2'000);
  EXPECT_EQ(ramp.OpsUntil(20), 5'000);
  for (const double ops : {0.0, 1.0, 750.0, 1'999.0, 2'000.0, 5'000.0}) {
    EXPECT_NEAR(ramp.OpsUntil(ramp.TimeOf(ops)), ops, 1e-6);
  }
}

TEST(RateCurveTest, RampsFromAndToNothing) {
  const RateCurve up{0, 100, 10};
  EXPECT_EQ(up.TimeOf(0), 0);
  EXPECT_NEAR(up.TimeOf(500), 10, 1e-9);
  const RateCurve down{100, 0, 10};
  EXPECT_NEAR(down.TimeOf(375), 5, 1e-9);
  EXPECT_TRUE(std::isinf(down.TimeOf(501)));
}

TEST(RateCurveTest, PartsAddUp) {
  const RateCurve ramp{0, 1'000, 10};
  EXPECT_NEAR(ramp.Times(0.25).OpsUntil(20) * 4, ramp.OpsUntil(20), 1e-6);
}

TEST(PacerTest, FramesFollowTheRamp) {
  Pacer pacer({0, 1'000, 10}, 10, 0);
  int frames = 0;
  uint64_t number = 0;
  while (pacer.Due(5'000'000'000)) {
    pacer.Take(&number);
    ++frames;
  }
  EXPECT_EQ(frames, 126);  // 1 250 operations in the first half, and the frame at its end
  Pacer never({100, 0, 1}, 10, 0);
  for (int i = 0; i < 4; ++i) never.Take(&number);
  EXPECT_TRUE(never.Due(1'000'000'000));
  never.Take(&number);
  EXPECT_FALSE(never.Due(INT64_MAX / 16));
}

TEST(ThinkTimeTest, KindsHaveTheirMean) {
  Random random(1);
  const ThinkTime fixed = *ParseThinkTime("fixed:20ms");
  EXPECT_EQ(fixed.Sample(random), 20'000'000);
  EXPECT_EQ(fixed.Text(), "fixed:20ms");
  const ThinkTime exponential = *ParseThinkTime("exp:20ms");
  double sum = 0;
  int short_ones = 0;
  for (int i = 0; i < 20'000; ++i) {
    const int64_t ns = exponential.Sample(random);
    EXPECT_GE(ns, 0);
    sum += static_cast<double>(ns);
    short_ones += ns < 20'000'000;
  }
  EXPECT_NEAR(sum / 20'000, 20e6, 0.5e6);
  EXPECT_NEAR(short_ones, 12'642, 300);  // 1 - 1/e of them are below the mean
  for (const char* bad : {"", "20ms", "exp", "exp:", "exp:0ms", "normal:20ms"}) {
    EXPECT_FALSE(ParseThinkTime(bad).ok()) << bad;
  }
}

TEST(LoadOptionsTest, ARateMeansAnOpenLoopUnlessTheModeSaysOtherwise) {
  EXPECT_FALSE(Parse({}).config->load.open_loop());
  EXPECT_TRUE(Parse({"--rate", "1k"}).config->load.open_loop());
  EXPECT_FALSE(Parse({"--rate", "1k", "--mode", "closed"}).config->load.open_loop());
  const auto no_rate = Parse({"--mode", "open"});
  EXPECT_EQ(no_rate.exit_code, kExitUsage);
  EXPECT_THAT(no_rate.text, HasSubstr("--rate"));
}

TEST(LoadOptionsTest, ARampPlansItsMeanRateWithoutWarmUp) {
  const auto parsed = Parse({"--ramp", "0:20s:2k", "--duration", "40s"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  EXPECT_TRUE(parsed.config->load.open_loop());
  EXPECT_EQ(parsed.config->load.rate, 1'500);
  EXPECT_EQ(parsed.config->load.warmup.count(), 0);
  EXPECT_EQ(parsed.config->load.curve().RateAt(10), 1'000);
}

TEST(LoadOptionsTest, ContradictionsAreUsageErrors) {
  for (const std::vector<const char*>& arguments :
       std::vector<std::vector<const char*>>{{"--ramp", "0:60s"},
                                             {"--ramp", "0:60s:fast"},
                                             {"--ramp", "0:0s:50k"},
                                             {"--ramp", ""},
                                             {"--ramp", "0:60s:0"},
                                             {"--ramp", "0:60s:50k", "--ops", "100"},
                                             {"--think", "exp:20ms", "--rate", "1k"},
                                             {"--pin", "9999"},
                                             {"--pin", "one"},
                                             {"--preload", "--keys", "0", "--key-dist", "seq"},
                                             {"--mix", "put=1", "--remove-ratio", "0.1"},
                                             {"--mix", "put=1,or-add=1", "--maps", "1"},
                                             {"--ttl-ratio", "0.5", "--ttl", "0s"},
                                             {"--key-dist", "hot:0%"},
                                             {"--key-dist", "hot:1%:x"},
                                             {"--key-dist", "hot", "--keys", "1"},
                                             {"--key-dist", "partition"},
                                             {"--duplicate", "2"},
                                             {"--reorder", "often"},
                                             {"--reorder", "51%"},
                                             {"--reorder", "5%", "--resend", "full"},
                                             {"--reorder", "5%", "--inflight", "1"}}) {
    const auto parsed = Parse(arguments);
    EXPECT_FALSE(parsed.config) << arguments[0] << " " << arguments[1];
    EXPECT_EQ(parsed.exit_code, kExitUsage);
    EXPECT_THAT(parsed.text, HasSubstr(arguments[0]));
  }
}

TEST(LoadOptionsTest, AShareOfTheFramesLeavesOutOfOrder) {
  EXPECT_DOUBLE_EQ(Parse({"--reorder", "5%"}).config->faults.reorder, 0.05);
  // Without a window there is always a next frame.
  EXPECT_TRUE(Parse({"--reorder", "50%", "--inflight", "1", "--rate", "1k"}).config);
}

TEST(DataOptionsTest, KeyDistributionsAreReadAndWrittenBack) {
  for (const char* text : {"uniform", "zipf:0.8", "hot:2%:75%", "seq", "partitioned"}) {
    const auto distribution = ParseKeyDistribution(text);
    ASSERT_TRUE(distribution.ok()) << text;
    EXPECT_EQ(KeyDistributionText(*distribution), text);
  }
  const auto parsed = Parse({"--key-dist", "hot:1%", "--keys", "500", "--mix", "or-add=1"});
  ASSERT_TRUE(parsed.config) << parsed.text;
  EXPECT_EQ(parsed.config->data.hot_key_count(), 5U);
  EXPECT_EQ(parsed.config->data.key_distribution.hot_share, 0.9);
  EXPECT_EQ(parsed.config->data.map_type, MapType::kOr);
}

}  // namespace
}  // namespace topgun::loadgen
