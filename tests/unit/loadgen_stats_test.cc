#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "driver/pacer.h"
#include "report/run_report.h"
#include "report/text.h"
#include "stats/histogram.h"
#include "stats/process_cpu.h"
#include "stats/run_stats.h"
#include "workload/random.h"

namespace topgun::loadgen {
namespace {

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (int64_t value = 0; value < 100; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.count(), 100U);
  EXPECT_EQ(histogram.Percentile(50), 49);
  EXPECT_EQ(histogram.Percentile(99), 98);
  EXPECT_EQ(histogram.Percentile(100), 99);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.max(), 99);
}

TEST(HistogramTest, EdgesAreWithinOnePercentOverTheWholeRange) {
  for (int64_t value = 1; value < int64_t{1} << 41; value = value * 3 + 1) {
    const int64_t edge = Histogram::UpperEdge(value);
    EXPECT_GE(edge, value);
    EXPECT_LE(static_cast<double>(edge - value), static_cast<double>(value) / 128.0);
  }
}

TEST(HistogramTest, PercentilesMatchSortedValues) {
  Random random(7);
  Histogram histogram;
  std::vector<int64_t> values;
  for (int i = 0; i < 10'000; ++i) {
    const auto value = static_cast<int64_t>(std::exp(random.Unit() * 20));
    values.push_back(value);
    histogram.Record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
    const auto rank = static_cast<size_t>(std::ceil(percent / 100 * 10'000));
    EXPECT_EQ(histogram.Percentile(percent),
              std::min(Histogram::UpperEdge(values[rank - 1]), values.back()))
        << percent;
  }
}

TEST(HistogramTest, MergingEqualsRecordingTogether) {
  Histogram a;
  Histogram b;
  Histogram together;
  Random random(8);
  for (int i = 0; i < 1'000; ++i) {
    const auto value = static_cast<int64_t>(random.Below(1'000'000));
    (i % 2 == 0 ? a : b).Record(value, 3);
    together.Record(value, 3);
  }
  a.Merge(b);
  EXPECT_EQ(a.count(), together.count());
  EXPECT_EQ(a.max(), together.max());
  EXPECT_EQ(a.min(), together.min());
  EXPECT_DOUBLE_EQ(a.Mean(), together.Mean());
  for (const double percent : {10.0, 50.0, 99.0, 99.9}) {
    EXPECT_EQ(a.Percentile(percent), together.Percentile(percent));
  }
}

TEST(HistogramTest, EmptyNegativeAndHugeValuesAreHarmless) {
  Histogram histogram;
  EXPECT_EQ(histogram.Percentile(99), 0);
  EXPECT_EQ(histogram.min(), 0);
  histogram.Record(-5);
  EXPECT_EQ(histogram.max(), 0);
  histogram.Record(INT64_MAX);
  EXPECT_EQ(histogram.Percentile(100), INT64_MAX);
}

TEST(HistogramTest, TheSparseFormIsTheWholeHistogram) {
  Histogram original;
  Random random(9);
  for (int i = 0; i < 1'000; ++i) original.Record(static_cast<int64_t>(random.Below(1 << 30)), 2);
  original.Record(INT64_MAX);
  Histogram copy;
  copy.Merge(original.ToSparse());
  EXPECT_EQ(copy.count(), original.count());
  EXPECT_EQ(copy.min(), original.min());
  EXPECT_EQ(copy.max(), original.max());
  EXPECT_DOUBLE_EQ(copy.Mean(), original.Mean());
  for (const double percent : {1.0, 50.0, 99.0, 100.0}) {
    EXPECT_EQ(copy.Percentile(percent), original.Percentile(percent));
  }

  Histogram::Sparse foreign;
  foreign.buckets = {{UINT32_MAX, 5}};
  copy.Merge(foreign);
  EXPECT_EQ(copy.count(), original.count());
  Histogram empty;
  empty.Merge(Histogram().ToSparse());
  EXPECT_EQ(empty.count(), 0U);
}

TEST(HistogramTest, BucketsAddUpToTheCount) {
  Histogram histogram;
  histogram.Record(5, 3);
  histogram.Record(1'000, 2);
  histogram.Record(INT64_MAX);
  const auto buckets = histogram.Buckets();
  ASSERT_EQ(buckets.size(), 3U);
  EXPECT_EQ(buckets[0].upper_edge, 5);
  EXPECT_EQ(buckets[0].count, 3U);
  EXPECT_EQ(buckets[1].upper_edge, Histogram::UpperEdge(1'000));
  EXPECT_EQ(buckets[2].upper_edge, INT64_MAX);
  EXPECT_TRUE(Histogram().Buckets().empty());
}

TEST(RunStatsTest, MergingAddsEveryMember) {
  RunStats one;
  uint64_t next = 1;
  RunStats::ForEachCounter(one, [&](const auto&, uint64_t& value) { value = next++; });
  RunStats::ForEachHistogram(one, [&](const auto&, Histogram& value) { value.Record(1, next++); });
  one.errors[429] = 2;
  one.close_reasons["1001"] = 3;
  one.last_error = "text";

  RunStats two;
  two.Merge(one);
  two.Merge(one);
  next = 1;
  RunStats::ForEachCounter(
      two, [&](const std::string& name, uint64_t value) { EXPECT_EQ(value, 2 * next++) << name; });
  RunStats::ForEachHistogram(two, [&](const std::string& name, const Histogram& value) {
    EXPECT_EQ(value.count(), 2 * next++) << name;
  });
  EXPECT_EQ(two.errors[429], 4U);
  EXPECT_EQ(two.close_reasons["1001"], 6U);
  EXPECT_EQ(two.last_error, "text");
}

TEST(ProcessCpuTest, CommandNamesMayLookLikeFields) {
  const auto cpu_us = ParseProcStatCpuUs(
      "42 (a b) 1 2 (x) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 100 1 1", 100);
  ASSERT_TRUE(cpu_us);
  EXPECT_EQ(*cpu_us, 3'000'000);
  EXPECT_FALSE(ParseProcStatCpuUs("", 100));
  EXPECT_FALSE(ParseProcStatCpuUs("42 (x) S 1", 100));
}

TEST(ProcessCpuTest, OwnProcessIsThereAndAGoneOneIsNot) {
  EXPECT_TRUE(ProcessCpuUs(getpid()));
  ProcessCpuMeter meter({{"self", getpid()}, {"gone", 0x7ffffffe}});
  meter.Start();
  const auto usages = meter.Stop();
  EXPECT_TRUE(usages[0].cpu_us);
  EXPECT_FALSE(usages[1].cpu_us);
}

TEST(PacerTest, FramesAreDueByTheClockWhateverWasSent) {
  Pacer pacer(RateCurve::Constant(1'000), 10, 5'000'000);  // a frame every 10 ms from 5 ms on
  uint64_t number = 0;
  EXPECT_FALSE(pacer.Due(4'999'999));
  EXPECT_TRUE(pacer.Due(5'000'000));
  EXPECT_EQ(pacer.Take(&number), 5'000'000);
  EXPECT_EQ(number, 0U);
  // A late look finds both frames that became due, with the times they should have had.
  EXPECT_TRUE(pacer.Due(27'000'000));
  EXPECT_EQ(pacer.Take(&number), 15'000'000);
  EXPECT_EQ(pacer.Take(&number), 25'000'000);
  EXPECT_EQ(number, 2U);
  EXPECT_FALSE(pacer.Due(27'000'000));
  EXPECT_EQ(pacer.WakeUpNs(27'000'000), 35'000'000);
}

TEST(PacerTest, SleepsAreNotShorterThanTheMinimum) {
  const Pacer pacer(RateCurve::Constant(1'000'000), 1, 0);
  EXPECT_EQ(pacer.WakeUpNs(1'000), 1'000 + Pacer::kSleepMinNs);
}

RunReport GoodReport() {
  RunReport report;
  report.seconds = 1;
  report.window.ops_acked = 100;
  return report;
}

ExitCode CodeOf(const Config& config, RunReport report) {
  Judge(config, &report);
  return report.exit_code;
}

TEST(JudgeTest, ExitCodesByWhatHappened) {
  Config config;
  EXPECT_EQ(CodeOf(config, GoodReport()), kExitOk);

  RunReport overloaded = GoodReport();
  overloaded.whole.errors[429] = 10;
  overloaded.whole.reconnects = 3;
  EXPECT_EQ(CodeOf(config, overloaded), kExitOk);

  RunReport failing = GoodReport();
  failing.whole.errors[500] = 1;
  EXPECT_EQ(CodeOf(config, failing), kExitErrors);

  RunReport lost = failing;
  lost.verify.emplace();
  lost.verify->missing = 1;
  EXPECT_EQ(CodeOf(config, lost), kExitVerification);

  RunReport unchecked = GoodReport();
  unchecked.verify.emplace();
  unchecked.verify->incomplete = "no answer";
  EXPECT_EQ(CodeOf(config, unchecked), kExitVerification);

  RunReport unreachable;
  unreachable.unreachable = "refused";
  EXPECT_EQ(CodeOf(config, unreachable), kExitUnreachable);

  RunReport idle = GoodReport();
  idle.window.ops_acked = 0;
  EXPECT_EQ(CodeOf(config, idle), kExitErrors);
}

TEST(JudgeTest, ABusyGeneratorSpoilsBothModelsAndLateFramesAnOpenLoop) {
  RunReport busy = GoodReport();
  busy.busiest_thread = 0.97;
  RunReport late = GoodReport();
  late.window.schedule_lag.Record(1, 100);
  late.window.frames_late = 2;
  RunReport slow_target = GoodReport();
  slow_target.window.frames_dropped = 1;

  Config closed;
  busy.seconds = 0.5;  // too short to tell of a capacity
  EXPECT_EQ(CodeOf(closed, busy), kExitOk);
  busy.seconds = 1;
  EXPECT_EQ(CodeOf(closed, busy), kExitBottleneck);
  EXPECT_EQ(CodeOf(closed, late), kExitOk);
  Config open;
  open.load.rate = 1'000;
  EXPECT_EQ(CodeOf(open, busy), kExitBottleneck);
  EXPECT_EQ(CodeOf(open, late), kExitBottleneck);
  EXPECT_EQ(CodeOf(open, slow_target), kExitErrors);
}

TEST(TextTest, NumbersReadWell) {
  EXPECT_EQ(Grouped(uint64_t{0}), "0");
  EXPECT_EQ(Grouped(uint64_t{999}), "999");
  EXPECT_EQ(Grouped(uint64_t{1'234'567}), "1 234 567");
  EXPECT_EQ(Millis(1'250'000), "1.25");
  EXPECT_EQ(Bytes(999), "999 B");
  EXPECT_EQ(Bytes(1'234'567), "1.2 MB");
}

}  // namespace
}  // namespace topgun::loadgen
