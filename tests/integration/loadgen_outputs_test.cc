// What the binary writes, against a gateway that can misbehave; and the metrics that it reads and
// serves, over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <sstream>

#include "admin/admin_server.h"
#include "exit_code.h"
#include "loadgen_fake_gateway.h"
#include "metrics/exposition.h"
#include "report/live_metrics.h"
#include "scrape/server_meter.h"
#include "support/child_process.h"
#include "support/temp_dir.h"

namespace topgun::loadgen {
namespace {

namespace json = boost::json;
using metrics::ParsePrometheusText;
using metrics::Samples;
using std::chrono::milliseconds;
using support::ChildProcess;
using testing::AllOf;
using testing::HasSubstr;

class LoadgenOutputsTest : public testing::Test {
 protected:
  int RunBinary(std::vector<std::string> arguments) {
    const std::vector<std::string> common = {
        TOPGUN_LOADGEN,  "--token", "any",     "--url", gateway_.url(), "--ops", "5000",
        "--connections", "4",       "--batch", "10",    "--keys",       "20"};
    arguments.insert(arguments.begin(), common.begin(), common.end());
    ChildProcess child(arguments, {Path("output"), "", {"JWT_SECRET="}});
    EXPECT_TRUE(child.Wait());
    return child.exit_code().value_or(-1);
  }

  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }

  std::string Content(const std::string& name) const {
    std::ifstream file(Path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }

  const FakeGateway gateway_;
  const support::TempDir dir_;
};

TEST_F(LoadgenOutputsTest, EveryFileTellsTheSameRun) {
  ASSERT_EQ(RunBinary({"--json", Path("json"), "--ndjson", Path("ndjson"), "--csv", Path("csv"),
                       "--hdr", Path("hgrm"), "--html", Path("html"), "--junit", Path("junit"),
                       "--threshold", "rate>1", "--progress", "100ms"}),
            kExitOk)
      << Content("output");
  const json::value report = json::parse(Content("json"));
  EXPECT_EQ(report.at("throughput").at("ops_acked").to_number<int>(), 5'000);
  EXPECT_TRUE(report.at("thresholds").at(0).at("passed").as_bool());

  // All intervals together are the run: nothing between two looks gets lost.
  std::istringstream lines(Content("ndjson"));
  double acked = 0;
  size_t points = 0;
  for (std::string line; std::getline(lines, line); ++points) {
    const json::value point = json::parse(line);
    acked +=
        point.at("acked_ops_per_s").to_number<double>() * point.at("seconds").to_number<double>();
  }
  EXPECT_NEAR(acked, 5'000, 0.5);
  EXPECT_EQ(report.at("series").as_array().size(), points);
  const std::string csv = Content("csv");
  EXPECT_EQ(static_cast<size_t>(std::count(csv.begin(), csv.end(), '\n')), points + 1);
  EXPECT_THAT(Content("hgrm"), HasSubstr("Total count    =         5000]"));
  EXPECT_THAT(Content("html"), HasSubstr("run " + std::string(report.at("run").as_string())));
  EXPECT_THAT(Content("junit"), HasSubstr("failures=\"0\""));
  EXPECT_THAT(Content("output"), AllOf(HasSubstr("seed"), HasSubstr("clock"), HasSubstr("VALID")));
}

TEST_F(LoadgenOutputsTest, LimitsDecideAboutTheExitCode) {
  EXPECT_EQ(RunBinary({"--threshold", "ack.p50<1us", "--threshold", "errors<1%", "--json",
                       Path("base"), "--quiet"}),
            kExitErrors);
  EXPECT_THAT(Content("output"),
              AllOf(HasSubstr("ack.p50<1us"), HasSubstr("FAILED: "), HasSubstr("passed: 0.000 %")));

  // The same file as base and as output, and a tolerance that nothing exceeds.
  EXPECT_EQ(
      RunBinary({"--compare", Path("base"), "--json", Path("base"), "--tolerance", "1000000%"}),
      kExitOk);
  EXPECT_FALSE(json::parse(Content("base")).at("comparison").at("rows").as_array().empty());

  // A base that no machine reaches.
  json::value base = json::parse(Content("base"));
  base.at("throughput").as_object()["acked_ops_per_s"] = 1e12;
  std::ofstream(Path("dream")) << json::serialize(base);
  EXPECT_EQ(RunBinary({"--compare", Path("dream")}), kExitErrors);
  EXPECT_THAT(Content("output"), HasSubstr("worse than in " + Path("dream")));
}

TEST_F(LoadgenOutputsTest, BadOutputsAreUsageErrorsBeforeTheRun) {
  EXPECT_EQ(RunBinary({"--json", "/nonexistent/x"}), kExitUsage);
  EXPECT_THAT(Content("output"), HasSubstr("--json: cannot write /nonexistent/x"));
  EXPECT_EQ(RunBinary({"--compare", "/nonexistent"}), kExitUsage);
  EXPECT_EQ(RunBinary({"--threshold", "ack.p98<1ms"}), kExitUsage);
  EXPECT_THAT(Content("output"), HasSubstr("there are rate, "));
  EXPECT_EQ(RunBinary({"--metrics", "gateway=ftp://x"}), kExitUsage);
  EXPECT_EQ(RunBinary({"--metrics", "http://x"}), kExitUsage);
  EXPECT_EQ(RunBinary({"--tolerance", "much"}), kExitUsage);
  EXPECT_EQ(RunBinary({"--prometheus", "nowhere"}), kExitUsage);
  EXPECT_EQ(gateway_.counters().connections, 0U);
}

TEST_F(LoadgenOutputsTest, AServiceWithoutMetricsIsToldAndIsNoFailure) {
  EXPECT_EQ(RunBinary({"--metrics", "ghost=http://127.0.0.1:1/metrics"}), kExitOk);
  EXPECT_THAT(Content("output"), HasSubstr("no metrics of ghost: connecting: "));
}

admin::AdminServer::Readiness Ready() { return {true}; }

HttpUrl UrlOf(uint16_t port, const std::string& target = "/metrics") {
  return {"127.0.0.1", std::to_string(port), target};
}

TEST(LiveMetricsTest, CountersGrowWithTheIntervals) {
  LiveMetrics metrics("127.0.0.1:0");
  ASSERT_TRUE(metrics.Start().ok());
  Interval interval;
  interval.unacked_ops = 7;
  interval.stats.ops_acked = 100;
  interval.stats.errors[429] = 2;
  interval.stats.ack_latency.Record(2'000'000, 100);
  metrics.OnInterval(interval);
  metrics.OnInterval(interval);

  const auto body = HttpGet(UrlOf(metrics.port()), milliseconds(5'000));
  ASSERT_TRUE(body.ok()) << body.status();
  const Samples samples = ParsePrometheusText(*body);
  EXPECT_EQ(samples.Sum("loadgen_acked_ops_total"), 200);
  EXPECT_EQ(samples.Sum("loadgen_errors_total"), 4);
  EXPECT_EQ(samples.Sum("loadgen_unacked_ops"), 7);
  EXPECT_EQ(samples.Sum("loadgen_ack_seconds_count"), 200);
  EXPECT_NEAR(samples.Sum("loadgen_ack_seconds_sum").value_or(0), 0.4, 1e-9);
  EXPECT_EQ(samples.Max("loadgen_ack_seconds_bucket"), 200);
  EXPECT_EQ(samples.Label("topgun_build_info", "service"), "topgun-loadgen");
}

TEST(LiveMetricsTest, ErrorCodesHaveABound) {
  LiveMetrics metrics("127.0.0.1:0");
  ASSERT_TRUE(metrics.Start().ok());
  Interval interval;
  for (int64_t code = 1'000; code < 1'100; ++code) interval.stats.errors[code] = 1;
  metrics.OnInterval(interval);
  const Samples samples = ParsePrometheusText(*HttpGet(UrlOf(metrics.port()), milliseconds(5'000)));
  EXPECT_EQ(samples.Sum("loadgen_errors_total"), 100);
  EXPECT_EQ(samples.Max("loadgen_errors_total"), 100 - 32);
}

TEST(ServerMeterTest, ReadsTheAdminPortOfAService) {
  metrics::Registry registry("topgun-test");
  prometheus::Counter& commits = registry.AddCounter("sync_commits_total", "Commits.", {});
  commits.Increment(5);
  admin::AdminServer admin("127.0.0.1:0", registry, Ready);
  ASSERT_TRUE(admin.Start().ok());

  ServerMeter meter({{"sync", UrlOf(admin.port())}});
  meter.Start();
  commits.Increment(3);
  const ServerReport report = meter.Stop();
  ASSERT_EQ(report.services.size(), 1U);
  EXPECT_EQ(report.services[0].error, "");
  EXPECT_GE(report.services[0].cpu_seconds.value_or(-1), 0);
  EXPECT_GT(report.services[0].resident_bytes.value_or(0), 0);
  EXPECT_THAT(report.services[0].version, HasSubstr("("));
  ASSERT_EQ(report.counts.size(), 1U);
  EXPECT_EQ(report.counts[0].count, 3);
}

TEST(HttpGetTest, SaysWhatWentWrong) {
  metrics::Registry registry;
  admin::AdminServer admin("127.0.0.1:0", registry, Ready);
  ASSERT_TRUE(admin.Start().ok());
  const auto missing = HttpGet(UrlOf(admin.port(), "/nothing"), milliseconds(5'000));
  EXPECT_EQ(Message(missing.status()), "HTTP 404");
  EXPECT_THAT(std::string(Message(HttpGet(UrlOf(1), milliseconds(5'000)).status())),
              HasSubstr("connecting: "));

  // Accepts, as a listening socket does by itself, and never answers.
  boost::asio::io_context io;
  boost::asio::ip::tcp::acceptor silent(io, {boost::asio::ip::address_v4::loopback(), 0});
  const auto late = HttpGet(UrlOf(silent.local_endpoint().port()), milliseconds(100));
  EXPECT_EQ(late.status().code(), StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace topgun::loadgen
