// Limits on figures, and the figures that servers give of themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/measures.h"
#include "report/run_report.h"
#include "report/threshold.h"
#include "scrape/http_get.h"
#include "scrape/server_meter.h"

namespace topgun::loadgen {
namespace {

using metrics::ParsePrometheusText;
using metrics::Samples;

using testing::HasSubstr;

RunReport Measured() {
  RunReport report;
  report.seconds = 2;
  report.window.ops_acked = 100'000;
  report.whole.ops_acked = 100'000;
  report.measured.ack_latency.Record(50'000'000, 99);
  report.measured.ack_latency.Record(200'000'000);
  report.measured.ack_by_kind[2].Record(1'000'000);
  report.generator_cpu_us = 100'000;
  report.processes = {{"gateway-0", 300'000}, {"gone", {}}};
  report.server.services = {{"gateway-0", "", "", 0.4, {}, {}, {}},
                            {"sync-0", "", "", 0.5, {}, {}, {}}};
  return report;
}

bool Passes(const std::string& text) {
  const auto threshold = ParseThreshold(text);
  EXPECT_TRUE(threshold.ok()) << text;
  return CheckThreshold(*threshold, Measured()).passed;
}

TEST(ThresholdTest, LimitsInTheirUnits) {
  EXPECT_TRUE(Passes("ack.p50<51ms"));
  EXPECT_FALSE(Passes("ack.p50<50ms"));  // the bucket's upper edge counts
  EXPECT_TRUE(Passes("ack.max<=200ms"));
  EXPECT_FALSE(Passes("ack.max<200ms"));
  EXPECT_TRUE(Passes("ack.max<0.201s"));
  EXPECT_TRUE(Passes(" ack.OR_ADD.p99.9 <= 1.01 ms "));
  EXPECT_TRUE(Passes("ack.OR_ADD.min>=1000us"));
  EXPECT_TRUE(Passes("rate>=50k"));
  EXPECT_FALSE(Passes("rate>50k"));
  EXPECT_TRUE(Passes("errors<0.1%"));
  EXPECT_TRUE(Passes("errors<=0"));
  EXPECT_TRUE(Passes("reconnects<1"));
}

TEST(ThresholdTest, CpuCountsEveryProcessOnce) {
  EXPECT_TRUE(Passes("cpu.gateway-0<=3us"));
  EXPECT_FALSE(Passes("cpu.gateway-0<3"));
  EXPECT_TRUE(Passes("cpu.sync-0<=5"));
  EXPECT_TRUE(Passes("cpu.loadgen<=1"));
  EXPECT_TRUE(Passes("cpu<=9us"));
  EXPECT_FALSE(Passes("cpu<9us"));
}

TEST(ThresholdTest, WhatWasNotMeasuredDoesNotPass) {
  const ThresholdResult result = CheckThreshold(*ParseThreshold("propagation.p99<1s"), Measured());
  EXPECT_FALSE(result.passed);
  EXPECT_EQ(result.measured, "not measured");
  EXPECT_FALSE(Passes("findings<1"));
  EXPECT_FALSE(Passes("cpu.gone<100"));
}

TEST(ThresholdTest, TellsWhatWasMeasured) {
  EXPECT_EQ(CheckThreshold(*ParseThreshold("ack.max<1ms"), Measured()).measured, "200.00 ms");
  EXPECT_EQ(CheckThreshold(*ParseThreshold("rate>1M"), Measured()).measured, "50 000 /s");
  EXPECT_EQ(CheckThreshold(*ParseThreshold("cpu>1"), Measured()).measured, "9.00 us/op");
}

TEST(ThresholdTest, ErrorsNameTheProblem) {
  const auto error = [](const std::string& text) {
    return std::string(Message(ParseThreshold(text).status()));
  };
  EXPECT_THAT(error("ack.p42<1ms"), HasSubstr("unknown figure 'ack.p42'"));
  EXPECT_THAT(error("ack.p42<1ms"), HasSubstr("propagation"));
  EXPECT_THAT(error("ack<1ms"), HasSubstr("unknown figure 'ack'"));
  EXPECT_THAT(error("cpu.<1"), HasSubstr("unknown figure"));
  EXPECT_THAT(error("ack.p99=1ms"), HasSubstr("expected NAME<LIMIT"));
  EXPECT_THAT(error("ack.p99<1"), HasSubstr("a time like 80ms"));
  EXPECT_THAT(error("ack.p99<1h"), HasSubstr("got '1h'"));
  EXPECT_THAT(error("rate>fast"), HasSubstr("a rate like 50k"));
  EXPECT_THAT(error("rate>"), HasSubstr("got ''"));
  EXPECT_THAT(error("errors<1ms"), HasSubstr("a share like 0.1%"));
  EXPECT_THAT(error("rate>nan"), HasSubstr("a rate"));
}

constexpr const char* kText = R"(# HELP sync_commits_total Commit scripts.
# TYPE sync_commits_total counter
sync_commits_total{code="committed"} 30
sync_commits_total{code="conflict",} 2 1395066363000

storage_flush_lag_seconds 0.25
process_cpu_seconds_total 1.5e1
topgun_build_info{revision="a\"b\\c\nd",service="x", version="0.1.0"} 1
grpc_seconds_bucket{le="+Inf"} +Inf
not a sample
{no="name"} 1
broken{a="b 1
nonsense twelve
)";

TEST(PrometheusTextTest, ReadsNamesLabelsAndValues) {
  const Samples samples = ParsePrometheusText(kText);
  EXPECT_EQ(samples.Sum("sync_commits_total"), 32);
  EXPECT_EQ(samples.Max("sync_commits_total"), 30);
  EXPECT_EQ(samples.Sum("process_cpu_seconds_total"), 15);
  EXPECT_EQ(samples.Sum("storage_flush_lag_seconds"), 0.25);
  EXPECT_EQ(samples.Label("topgun_build_info", "revision"), "a\"b\\c\nd");
  EXPECT_EQ(samples.Label("topgun_build_info", "version"), "0.1.0");
  EXPECT_FALSE(samples.Label("topgun_build_info", "other"));
  EXPECT_FALSE(samples.Sum("nonsense"));
  EXPECT_FALSE(samples.Sum("broken"));
  EXPECT_FALSE(samples.Sum("commits"));
  EXPECT_TRUE(ParsePrometheusText("").empty());
  EXPECT_EQ(*samples.Sum("grpc_seconds_bucket"), std::numeric_limits<double>::infinity());
}

TEST(ServerMeterTest, CountsGrowAndLevelsAreTheLargest) {
  const auto scrape = [](const std::string& text) {
    return StatusOr<Samples>(ParsePrometheusText(text));
  };
  const std::vector<StatusOr<Samples>> start = {
      scrape("process_cpu_seconds_total 10\nprocess_resident_memory_bytes 1000\n"),
      scrape("sync_commits_total 5\nstorage_flush_lag_seconds 3\n"),
      scrape("sync_commits_total 7\n"), Unavailable("connecting: refused")};
  const std::vector<StatusOr<Samples>> end = {
      scrape("process_cpu_seconds_total 12.5\nprocess_resident_memory_bytes 3000\n"
             "gateway_connections 10\ntopgun_build_info{version=\"1\",revision=\"r\"} 1\n"),
      scrape("sync_commits_total 8\nstorage_flush_lag_seconds 1\n"),
      scrape("sync_commits_total 2\nstorage_flush_lag_seconds 2\n"),  // started anew
      scrape("sync_commits_total 9\n")};
  const ServerReport report = CompareScrapes({"a", "b", "c", "d"}, start, end);
  ASSERT_EQ(report.services.size(), 4U);
  EXPECT_EQ(report.services[0].cpu_seconds, 2.5);
  EXPECT_EQ(report.services[0].resident_growth_bytes, 2'000);
  EXPECT_EQ(report.services[0].bytes_per_connection, 300);
  EXPECT_EQ(report.services[0].version, "1 (r)");
  EXPECT_FALSE(report.services[1].cpu_seconds);
  EXPECT_EQ(report.services[3].error, "connecting: refused");
  ASSERT_EQ(report.counts.size(), 1U);
  EXPECT_EQ(report.counts[0].name, "Redis commits");
  EXPECT_EQ(report.counts[0].count, 3);
  ASSERT_EQ(report.levels.size(), 1U);
  EXPECT_EQ(report.levels[0].start, 3);
  EXPECT_EQ(report.levels[0].end, 2);
}

TEST(HttpUrlTest, HostPortAndPath) {
  const auto url = ParseHttpUrl("http://127.0.0.1:9090/metrics?x=1");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url->host, "127.0.0.1");
  EXPECT_EQ(url->port, "9090");
  EXPECT_EQ(url->target, "/metrics?x=1");
  EXPECT_EQ(ParseHttpUrl("http://gateway")->target, "/metrics");
  EXPECT_EQ(ParseHttpUrl("http://gateway")->port, "80");
  EXPECT_EQ(ParseHttpUrl("http://[::1]:80/")->host, "::1");
  for (const char* bad :
       {"", "gateway:9090", "https://gateway", "http://", "http://:1", "http://a:b"}) {
    EXPECT_FALSE(ParseHttpUrl(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace topgun::loadgen
