// What a run is told in: every format is read back here, by its own rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <sstream>

#include "report/compare_report.h"
#include "report/error_codes.h"
#include "report/hdr_report.h"
#include "report/html_report.h"
#include "report/json_report.h"
#include "report/junit_report.h"
#include "report/live_panel.h"
#include "report/progress_writer.h"
#include "report/series.h"
#include "report/summary.h"

namespace topgun::loadgen {
namespace {

namespace json = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Interval SecondOf(uint64_t ops, int64_t latency_ns) {
  Interval interval;
  interval.phase = "measure";
  interval.seconds = 1;
  interval.stats.ops_acked = ops;
  interval.stats.ack_latency.Record(latency_ns, ops);
  return interval;
}

RunReport SomeReport() {
  RunReport report;
  report.run = 0xabcdef;
  report.seconds = 2;
  report.window.ops_acked = 3'000;
  report.window.bytes_sent = 600'000;
  report.measured.ack_latency.Record(1'000'000, 2'970);
  report.measured.ack_latency.Record(9'000'000, 30);
  report.measured.ack_by_kind[0] = report.measured.ack_latency;
  report.measured.ack_by_level[2] = report.measured.ack_latency;
  report.whole = report.measured;
  report.whole.errors[429] = 7;
  report.whole.close_reasons["1013 slow <consumer>"] = 1;
  report.generator_cpu_us = 3'000;
  report.processes = {{"gateway-0", 9'000}};
  for (int second = 1; second <= 3; ++second) {
    Interval interval = SecondOf(1'000, 1'000'000 * second);
    interval.run_s = second;
    report.series.push_back(MakePoint(interval));
  }
  return report;
}

Config OpenLoop() {
  Config config;
  config.load.rate = 2'000;
  return config;
}

// A reader of XML that accepts elements, attributes and text, and nothing else: enough to know that
// tags are closed in order and that no markup came out of our texts.
bool IsWellFormed(const std::string& xml) {
  std::vector<std::string> open;
  for (size_t at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    const size_t end = xml.find('>', at);
    if (end == std::string::npos) return false;
    std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.find('<') != std::string::npos) return false;
    if (tag.starts_with('?') || tag.starts_with('!') || tag.ends_with('/')) continue;
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return false;
      open.pop_back();
    } else {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
  }
  return open.empty();
}

TEST(WellFormedTest, TheCheckFindsBrokenXml) {
  EXPECT_TRUE(IsWellFormed("<a><b c=\"d\"/></a>"));
  EXPECT_FALSE(IsWellFormed("<a><b></a></b>"));
  EXPECT_FALSE(IsWellFormed("<a>"));
  EXPECT_FALSE(IsWellFormed("<a < b></a>"));
}

TEST(SeriesTest, APointIsALineOfJson) {
  Interval interval = SecondOf(500, 2'000'000);
  interval.seconds = 0.5;
  interval.run_s = 12.5;
  interval.unacked_ops = 9;
  interval.stats.errors[429] = 3;
  const std::string line = RenderPointJson(MakePoint(interval));
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  const json::object point = json::parse(line).as_object();
  EXPECT_EQ(point.at("phase"), "measure");
  EXPECT_EQ(point.at("at_s").to_number<double>(), 12.5);
  EXPECT_EQ(point.at("acked_ops_per_s").to_number<double>(), 1'000);
  EXPECT_EQ(point.at("unacked_ops").to_number<int>(), 9);
  EXPECT_EQ(point.at("errors").to_number<int>(), 3);
  EXPECT_EQ(point.at("ack_count").to_number<int>(), 500);
  EXPECT_EQ(point.at("ack_p99_us").to_number<double>(), 2'000);
  EXPECT_EQ(point.at("propagation_p50_us").to_number<double>(), 0);
}

TEST(SeriesTest, CsvHasTheColumnsOfTheJson) {
  const std::vector<SeriesPoint> points = SomeReport().series;
  std::istringstream lines(RenderCsv(points));
  const auto cells = [&lines] {
    std::string line;
    std::getline(lines, line, '\n');
    EXPECT_TRUE(line.ends_with('\r'));
    line.pop_back();
    std::istringstream row(line);
    std::vector<std::string> split;
    for (std::string cell; std::getline(row, cell, ',');) split.push_back(cell);
    return split;
  };
  const std::vector<std::string> header = cells();
  for (const SeriesPoint& point : points) {
    const json::object object = json::parse(RenderPointJson(point)).as_object();
    const std::vector<std::string> row = cells();
    ASSERT_EQ(row.size(), header.size());
    ASSERT_EQ(object.size(), header.size());
    for (size_t i = 0; i < header.size(); ++i) {
      const json::value& value = object.at(header[i]);
      const std::string text =
          value.is_string() ? std::string(value.as_string()) : json::serialize(value);
      if (value.is_string()) {
        EXPECT_EQ(row[i], text);
      } else {
        EXPECT_EQ(std::stod(row[i]), value.to_number<double>()) << header[i];
      }
    }
  }
}

TEST(SeriesTest, KeepsADayAndNoMore) {
  Series series;
  for (size_t i = 0; i < Series::kPointsMax + 2; ++i) series.Add({});
  EXPECT_EQ(series.points().size(), Series::kPointsMax);
}

TEST(HdrReportTest, RowsAreThePercentilesOfTheHistogram) {
  Histogram histogram;
  for (int64_t i = 1; i <= 1'000; ++i) histogram.Record(i * 100'000);
  std::istringstream lines(RenderHgrm(histogram));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "       Value     Percentile TotalCount 1/(1-Percentile)");
  std::getline(lines, line);
  EXPECT_EQ(line, "");
  double last_percentile = -1;
  double last_value = 0;
  double last_count = 0;
  size_t rows = 0;
  while (std::getline(lines, line) && !line.starts_with('#')) {
    std::istringstream row(line);
    double value = 0;
    double percentile = 0;
    double count = 0;
    ASSERT_TRUE(row >> value >> percentile >> count) << line;
    EXPECT_GT(percentile, last_percentile);
    EXPECT_GE(value, last_value);
    EXPECT_GE(count, percentile * 1'000 - 1e-6);
    if (percentile > 0) {
      EXPECT_NEAR(value, static_cast<double>(histogram.Percentile(percentile * 100)) / 1e6,
                  value / 100);
    }
    double inverse = 0;
    if (percentile < 1) {
      ASSERT_TRUE(row >> inverse) << line;
      EXPECT_NEAR(inverse, 1 / (1 - percentile), 0.01 / (1 - percentile));
    }
    last_percentile = percentile;
    last_value = value;
    last_count = count;
    ++rows;
  }
  EXPECT_EQ(last_percentile, 1);
  EXPECT_EQ(last_value, 100);
  EXPECT_EQ(last_count, 1'000);
  EXPECT_GT(rows, 20U);
  EXPECT_THAT(line, HasSubstr("#[Mean"));
  std::getline(lines, line);
  EXPECT_THAT(line, HasSubstr("Total count    =         1000]"));
}

TEST(HdrReportTest, AnEmptyHistogramHasNoRows) {
  EXPECT_THAT(RenderHgrm(Histogram()), HasSubstr("Percentile)\n\n#[Mean"));
}

TEST(JsonReportTest, HoldsSeriesVerdictAndThresholds) {
  RunReport report = SomeReport();
  report.thresholds = {{"rate>1k", "1 500 /s", 1'500, true},
                       {"findings<1", "not measured", {}, false}};
  const json::object root = json::parse(RenderJson(OpenLoop(), report)).as_object();
  EXPECT_EQ(root.at("throughput").at("acked_ops_per_s").to_number<double>(), 1'500);
  EXPECT_EQ(root.at("latency").at("ack").at("p50").to_number<double>(), 1'003.519);
  EXPECT_EQ(root.at("latency").at("by_type").at("put").at("count").to_number<int>(), 3'000);
  EXPECT_EQ(root.at("latency").at("by_level").at("APPLIED").at("count").to_number<int>(), 3'000);
  EXPECT_EQ(root.at("series").as_array().size(), 3U);
  EXPECT_EQ(root.at("series").at(2).at("at_s").to_number<double>(), 3);
  EXPECT_EQ(root.at("thresholds").at(0).at("passed"), true);
  EXPECT_EQ(root.at("thresholds").at(0).at("value").to_number<double>(), 1'500);
  EXPECT_TRUE(root.at("thresholds").at(1).at("value").is_null());
  EXPECT_EQ(root.at("verdict").at("valid"), true);
  EXPECT_EQ(root.at("trouble").at("close_reasons").at("1013 slow <consumer>").to_number<int>(), 1);
}

TEST(JunitReportTest, ATestCaseForEveryCheck) {
  RunReport report = SomeReport();
  report.exit_code = kExitErrors;
  report.problems = {"threshold \"rate>1M\" & more"};
  report.thresholds = {{"rate>1M", "1 500 /s", 1'500, false}};
  report.verify.emplace();
  report.comparison.emplace();
  report.comparison->rows = {{"ack p99", "us", 1, 1, 1, false},
                             {"cpu all", "us/op", 1, 2, 2, true}};
  const std::string xml = RenderJunit(report);
  EXPECT_TRUE(IsWellFormed(xml)) << xml;
  EXPECT_THAT(xml, HasSubstr("tests=\"6\" failures=\"3\""));
  EXPECT_THAT(xml, HasSubstr("name=\"threshold rate&gt;1M\""));
  EXPECT_THAT(xml, HasSubstr("measured 1 500 /s"));
  EXPECT_THAT(xml, HasSubstr("&quot;rate&gt;1M&quot; &amp; more"));
}

TEST(HtmlReportTest, IsOneFileThatNeedsNothingElse) {
  RunReport report = SomeReport();
  report.problems = {"<script>alert(1)</script>"};
  const std::string html = RenderHtml(OpenLoop(), report);
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("http://www")));
  EXPECT_THAT(html, Not(HasSubstr("https://")));
  EXPECT_THAT(html, Not(HasSubstr("nan")));
  EXPECT_THAT(html, HasSubstr("<polyline"));
  EXPECT_THAT(html, HasSubstr("1013 slow &lt;consumer&gt;"));
  EXPECT_THAT(html, HasSubstr("run abcdef"));
  // The parts that the meta elements, which are never closed, do not disturb.
  const size_t body = html.find("<body>");
  ASSERT_NE(body, std::string::npos);
  EXPECT_TRUE(IsWellFormed(html.substr(body, html.find("</html>") - body))) << html;
}

TEST(HtmlReportTest, ARunThatNeverBeganHasNoCharts) {
  RunReport report;
  report.unreachable = "no route";
  EXPECT_THAT(RenderHtml(Config(), report), Not(HasSubstr("<svg")));
}

TEST(CompareTest, WorseByMoreThanTheToleranceIsARegression) {
  RunReport base = SomeReport();
  RunReport now = SomeReport();
  now.window.ops_acked = 2'800;  // 7 % less
  now.processes[0].cpu_us = 10'500;
  const auto compared =
      CompareReports(RenderJson(OpenLoop(), base), RenderJson(OpenLoop(), now), 0.1);
  ASSERT_TRUE(compared.ok());
  std::map<std::string, Comparison::Row> rows;
  for (const Comparison::Row& row : compared->rows) rows[row.name] = row;
  EXPECT_NEAR(rows.at("acknowledged ops").ratio, 2'800.0 / 3'000, 1e-9);
  EXPECT_FALSE(rows.at("acknowledged ops").regressed);
  EXPECT_NEAR(rows.at("cpu gateway-0").ratio, 10'500.0 / 9'000 * 3'000 / 2'800, 1e-9);
  EXPECT_TRUE(rows.at("cpu gateway-0").regressed);
  EXPECT_EQ(rows.at("ack p99.9").ratio, 1);
  EXPECT_FALSE(rows.contains("propagation p99"));  // not measured
  EXPECT_EQ(compared->regressions(), 1U);

  const auto strict =
      CompareReports(RenderJson(OpenLoop(), base), RenderJson(OpenLoop(), now), 0.01);
  EXPECT_EQ(strict->regressions(), 3U);  // loadgen's own share of CPU, too
  const auto faster = CompareReports(RenderJson(OpenLoop(), now), RenderJson(OpenLoop(), base), 0);
  EXPECT_EQ(faster->regressions(), 0U);
}

TEST(CompareTest, ForeignFilesAreRefusedByName) {
  EXPECT_THAT(std::string(Message(ReadBaseline("/nonexistent.json").status())),
              HasSubstr("cannot read /nonexistent.json"));
  EXPECT_FALSE(CompareReports("[]", "{}", 0).ok());
  EXPECT_FALSE(CompareReports("{", "{}", 0).ok());
  EXPECT_TRUE(CompareReports("{\"cpu\":3,\"throughput\":[]}", "{}", 0)->rows.empty());
}

TEST(PanelTest, HasTheSameShapeInEveryState) {
  PanelState state;
  const size_t lines = RenderPanel(state, 80).size();
  state.last = SecondOf(150'000, 1'250'000);
  state.last.phase_s = 30;
  state.last.left_s = 30;
  state.last.unacked_ops = 48'000;
  state.planned_rate = 150'000;
  state.rates = {1, 2, 4, 8};
  state.errors = 3;
  const std::vector<std::string> panel = RenderPanel(state, 80);
  EXPECT_EQ(panel.size(), lines);
  const std::string text = testing::PrintToString(panel);
  for (const char* part : {"measure", "30 s left", "###############...............",
                           "150 000 ops/s", "planned 150 000", "48 000 ops", "3 errors"}) {
    EXPECT_THAT(panel, testing::Contains(HasSubstr(part)));
  }
  for (const std::string& line : RenderPanel(state, 20)) {
    const auto characters = std::count_if(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    });
    EXPECT_LE(characters, 20);
  }
}

TEST(PanelTest, SparklinesScaleToTheLargestShown) {
  EXPECT_EQ(Sparkline({0, 7, 14}, 10), "▁▄█");
  EXPECT_EQ(Sparkline({100, 1, 2}, 2), "▄█");  // what has left the picture does not count
  EXPECT_EQ(Sparkline({0, 0}, 5), "▁▁");
  EXPECT_EQ(Sparkline({}, 5), "");
}

class ProgressTest : public testing::Test {
 protected:
  ProgressTest() : file_(open_memstream(&text_, &size_)) {}
  ~ProgressTest() override {
    std::fclose(file_);
    free(text_);
  }
  std::string Written() {
    std::fflush(file_);
    return {text_, size_};
  }

  char* text_ = nullptr;
  size_t size_ = 0;
  std::FILE* file_;
};

TEST_F(ProgressTest, ALinePerProgressTime) {
  ProgressWriter::Options options;
  options.file = file_;
  options.progress = std::chrono::seconds(2);
  ProgressWriter writer(options);
  writer.OnInterval(SecondOf(100, 1'000'000));
  EXPECT_EQ(Written(), "");
  writer.OnInterval(SecondOf(300, 1'000'000));
  EXPECT_THAT(Written(), HasSubstr("200 ops/s"));
  writer.OnInterval(SecondOf(1'000, 1'000'000));
  writer.OnInterval(SecondOf(1'000, 1'000'000));
  EXPECT_THAT(Written(), HasSubstr("1 000 ops/s"));
  const std::string text = Written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST_F(ProgressTest, APanelIsDrawnOverTheLastOne) {
  ProgressWriter::Options options;
  options.file = file_;
  options.panel = true;
  ProgressWriter writer(options);
  writer.OnInterval(SecondOf(100, 1'000'000));
  EXPECT_THAT(Written(), Not(HasSubstr("\x1b[7A")));
  writer.OnInterval(SecondOf(200, 1'000'000));
  EXPECT_THAT(Written(), HasSubstr("\x1b[7A\r"));
}

TEST(ErrorCodesTest, CodesHaveMeanings) {
  EXPECT_THAT(std::string(MeaningOfError(429)), HasSubstr("sends again"));
  EXPECT_EQ(MeaningOfError(12'345), "unknown code");
  EXPECT_THAT(std::string(MeaningOfClose("1013 slow consumer")), HasSubstr("too slowly"));
  EXPECT_THAT(std::string(MeaningOfClose("1001")), HasSubstr("shutting down"));
  EXPECT_THAT(std::string(MeaningOfClose("connection reset")), HasSubstr("without a close frame"));
}

TEST(SummaryTest, SaysWhatEveryReaderAsksFirst) {
  RunReport report = SomeReport();
  report.server.services = {{"gateway-0", "0.1.0 (abc)", "", 0.03, 5e6, 1e5, 1e4},
                            {"sync-0", "", "connecting: refused", {}, {}, {}, {}}};
  report.server.counts = {{"Redis commits", 30}};
  report.server.levels = {{"persistence lag", "s", 0, 0.25}};
  const std::string text = RenderSummary(OpenLoop(), report);
  for (const char* part :
       {"planned ops/s", "75.0 % of the plan", "ack of PUT", "ack at APPLIED", "bytes/op sent",
        "ERROR 429", "sends again", "slow <consumer>", "gateway-0 0.1.0 (abc)", "10.00",
        "no metrics of sync-0: connecting: refused", "Redis commits", "persistence lag", "0.25 s",
        "VALID: the generator kept its schedule"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace topgun::loadgen
