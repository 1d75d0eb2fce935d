// What --proxy-fault asks for, and what the proxy does when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config.h"
#include "distributed/share.h"
#include "distributed/stats_codec.h"
#include "exit_code.h"
#include "options/proxy_faults.h"
#include "proxy/fault_schedule.h"

namespace topgun::loadgen {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using Time = FaultSchedule::Time;

TEST(ProxyFaultsTest, EveryKindIsRead) {
  const auto faults = ParseProxyFaults({"latency:50ms", "jitter:20ms", "bandwidth:1.5MB/s",
                                        "cut:0.5/s", "stall:2s/30s", "refuse:5%"});
  ASSERT_TRUE(faults.ok());
  EXPECT_EQ(faults->latency, milliseconds(50));
  EXPECT_EQ(faults->jitter, milliseconds(20));
  EXPECT_EQ(faults->bandwidth, 1.5e6);
  EXPECT_EQ(faults->cut_rate, 0.5);
  EXPECT_EQ(faults->stall.away, milliseconds(2'000));
  EXPECT_EQ(faults->stall.every, milliseconds(30'000));
  EXPECT_DOUBLE_EQ(faults->refuse, 0.05);
  EXPECT_TRUE(faults->any());
  EXPECT_EQ(faults->Text(),
            "latency:50ms,jitter:20ms,bandwidth:1500000B/s,cut:0.5/s,stall:2s/30s,refuse:5%");
  EXPECT_FALSE(ParseProxyFaults({})->any());
}

TEST(ProxyFaultsTest, BandwidthsHaveUnits) {
  for (const auto& [text, bytes] :
       std::vector<std::pair<std::string, double>>{{"100B/s", 100},
                                                   {"2kB/s", 2'000},
                                                   {"2KB/s", 2'000},
                                                   {"2KiB/s", 2'048},
                                                   {"1MiB/s", 1'048'576},
                                                   {"1GB/s", 1e9}}) {
    EXPECT_EQ(ParseProxyFaults({"bandwidth:" + text})->bandwidth, bytes) << text;
  }
}

TEST(ProxyFaultsTest, EverythingElseIsRefusedByName) {
  for (const char* bad :
       {"", "latency", "latency:", "latency:0ms", "latency:2m", "jitter:5", "bandwidth:1MB",
        "bandwidth:0B/s", "bandwidth:0.1B/s", "bandwidth:1/s", "cut:1", "cut:0/s", "cut:-1/s",
        "stall:2s", "stall:0s/2s", "stall:3s/2s", "refuse:0", "refuse:200%", "fire:1"}) {
    const auto faults = ParseProxyFaults({bad});
    ASSERT_FALSE(faults.ok()) << bad;
    EXPECT_THAT(std::string(Message(faults.status())), HasSubstr("--proxy-fault: "));
  }
  const auto twice = ParseProxyFaults({"latency:1ms", "latency:2ms"});
  EXPECT_THAT(std::string(Message(twice.status())), HasSubstr("latency is given twice"));
}

TEST(ProxyFaultsTest, TheOptionIsRepeatableAndHasLists) {
  std::vector<const char*> arguments = {"topgun-loadgen",      "--no-auth",     "--proxy-fault",
                                        "latency:5ms,cut:1/s", "--proxy-fault", "refuse:10%",
                                        "--source-ips",        "127.0.0.1"};
  auto parsed = ParseConfig(static_cast<int>(arguments.size()), arguments.data());
  EXPECT_EQ(parsed.exit_code, kExitUsage);
  EXPECT_THAT(parsed.text, HasSubstr("--proxy-fault does not go with --source-ips"));
  arguments.resize(arguments.size() - 2);
  parsed = ParseConfig(static_cast<int>(arguments.size()), arguments.data());
  ASSERT_TRUE(parsed.config) << parsed.text;
  EXPECT_EQ(parsed.config->faults.proxy.Text(), "latency:5ms,cut:1/s,refuse:10%");

  Config part = *parsed.config;
  TakeShare(0, 4, &part);
  EXPECT_EQ(part.faults.proxy.Text(), "latency:5ms,cut:0.25/s,refuse:10%");
}

FaultSchedule ScheduleOf(const std::vector<std::string>& specs) {
  FaultSchedule schedule(*ParseProxyFaults(specs), 1);
  schedule.Rouse(Time());
  return schedule;
}

TEST(FaultScheduleTest, CutsAndStallsBeginWithTheLoad) {
  FaultSchedule schedule(*ParseProxyFaults({"cut:1/s", "stall:1s/2s", "refuse:100%"}), 1);
  const Time late = Time(milliseconds(9'500));
  EXPECT_EQ(schedule.CutsDue(late), 0U);
  EXPECT_EQ(schedule.StallEnd(late), late);
  EXPECT_EQ(schedule.StallsBegun(late), 0U);
  EXPECT_TRUE(schedule.Refuses());
  schedule.Rouse(late);
  EXPECT_EQ(schedule.CutsDue(late + milliseconds(1'500)), 1U);
  EXPECT_EQ(schedule.StallEnd(late + milliseconds(1'500)), late + milliseconds(2'000));
}

TEST(FaultScheduleTest, NothingIsDelayedWithoutFaults) {
  FaultSchedule schedule = ScheduleOf({"cut:2/s"});
  const Time now = Time(milliseconds(1'700));
  EXPECT_EQ(schedule.ReleaseAt(now), now);
  EXPECT_EQ(schedule.StallEnd(now), now);
  EXPECT_EQ(schedule.TimeFor(1'000'000), Time::duration(0));
  EXPECT_FALSE(schedule.Refuses());
  EXPECT_EQ(schedule.CutsDue(now), 3U);
}

TEST(FaultScheduleTest, JitterIsAddedToTheLatency) {
  FaultSchedule schedule = ScheduleOf({"latency:50ms", "jitter:20ms"});
  Time least = Time::max();
  Time most = Time::min();
  for (int i = 0; i < 1'000; ++i) {
    const Time at = schedule.ReleaseAt(Time());
    least = std::min(least, at);
    most = std::max(most, at);
  }
  EXPECT_GE(least, Time(milliseconds(50)));
  EXPECT_LT(least, Time(milliseconds(52)));
  EXPECT_GT(most, Time(milliseconds(68)));
  EXPECT_LT(most, Time(milliseconds(70)));
}

TEST(FaultScheduleTest, BandwidthIsTimePerByteInSmallPieces) {
  const FaultSchedule schedule = ScheduleOf({"bandwidth:1MB/s"});
  EXPECT_EQ(schedule.TimeFor(250'000), milliseconds(250));
  EXPECT_EQ(schedule.PieceMax(), 20'000U);
  EXPECT_GE(ScheduleOf({"bandwidth:1B/s"}).PieceMax(), 1U);
}

TEST(FaultScheduleTest, NothingPassesAtTheEndOfEveryPeriod) {
  const FaultSchedule schedule = ScheduleOf({"stall:2s/30s"});
  const auto at = [](int ms) { return Time(milliseconds(ms)); };
  EXPECT_EQ(schedule.StallEnd(at(0)), at(0));
  EXPECT_EQ(schedule.StallEnd(at(27'999)), at(27'999));
  EXPECT_EQ(schedule.StallEnd(at(28'000)), at(30'000));
  EXPECT_EQ(schedule.StallEnd(at(29'999)), at(30'000));
  EXPECT_EQ(schedule.StallEnd(at(30'000)), at(30'000));
  EXPECT_EQ(schedule.StallEnd(at(59'000)), at(60'000));
  EXPECT_EQ(schedule.StallsBegun(at(27'999)), 0U);
  EXPECT_EQ(schedule.StallsBegun(at(28'000)), 1U);
  EXPECT_EQ(schedule.StallsBegun(at(57'999)), 1U);
  EXPECT_EQ(schedule.StallsBegun(at(58'000)), 2U);
}

TEST(FaultScheduleTest, TheGivenShareIsRefused) {
  FaultSchedule schedule = ScheduleOf({"refuse:25%"});
  int refused = 0;
  for (int i = 0; i < 10'000; ++i) refused += schedule.Refuses() ? 1 : 0;
  EXPECT_GT(refused, 2'300);
  EXPECT_LT(refused, 2'700);
}

TEST(FaultScheduleTest, CalmedOnlyTheSlownessIsLeft) {
  FaultSchedule schedule = ScheduleOf({"latency:5ms", "cut:1/s", "stall:1s/2s", "refuse:100%"});
  EXPECT_TRUE(schedule.Refuses());
  schedule.Calm(Time(milliseconds(3'000)));
  schedule.Calm(Time(milliseconds(9'000)));
  const Time later = Time(milliseconds(99'500));
  EXPECT_FALSE(schedule.Refuses());
  EXPECT_EQ(schedule.StallEnd(later), later);
  EXPECT_EQ(schedule.CutsDue(later), 3U);
  EXPECT_EQ(schedule.StallsBegun(later), 2U);
  EXPECT_EQ(schedule.ReleaseAt(later), later + milliseconds(5));
}

TEST(ProxyReportTest, TravelsAndAddsUp) {
  RunReport part;
  part.proxy = ProxyReport{.connections = 10,
                           .refused = 1,
                           .cut = 2,
                           .unreachable = 3,
                           .stalls = 4,
                           .bytes_up = 5,
                           .bytes_down = 6,
                           .full = 7,
                           .buffered_max = 8,
                           .thread_share = 0.5};
  const RunReport received = FromProto(ToProto(part));
  ASSERT_TRUE(received.proxy);
  RunReport whole;
  MergeReport(received, &whole);
  MergeReport(received, &whole);
  const ProxyReport& sum = *whole.proxy;
  EXPECT_EQ(sum.connections, 20U);
  EXPECT_EQ(sum.refused + sum.cut + sum.unreachable + sum.stalls, 2U * (1 + 2 + 3 + 4));
  EXPECT_EQ(sum.bytes_up + sum.bytes_down + sum.full, 2U * (5 + 6 + 7));
  EXPECT_EQ(sum.buffered_max, 8U);
  EXPECT_EQ(sum.thread_share, 0.5);
  EXPECT_FALSE(FromProto(ToProto(RunReport())).proxy);
}

TEST(ProxyReportTest, ABusyProxySpoilsTheFigures) {
  RunReport report;
  JudgeProxy(&report);
  report.proxy.emplace().thread_share = 0.5;
  JudgeProxy(&report);
  EXPECT_TRUE(report.valid);
  report.proxy->thread_share = 0.95;
  JudgeProxy(&report);
  EXPECT_FALSE(report.valid);
  EXPECT_EQ(report.exit_code, kExitBottleneck);
}

}  // namespace
}  // namespace topgun::loadgen
