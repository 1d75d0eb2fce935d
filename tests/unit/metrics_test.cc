#include "metrics/registry.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace topgun::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

// The value of a series in the text format; fails the test when it is not there.
double Sample(const Registry& registry, const std::string& series) {
  std::istringstream text(registry.Render());
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
  }
  ADD_FAILURE() << "no series " << series;
  return -1;
}

TEST(RegistryTest, RendersCountersGaugesAndHistograms) {
  Registry registry;
  registry.AddCounter("ops_total", "Operations.", {{"result", "ok"}}).Increment(3);
  registry.AddGauge("queue_bytes", "Queued bytes.").Set(7);
  auto& histogram = registry.AddHistogram("flush_seconds", "Flush time.", {0.1, 1});
  histogram.Observe(0.05);
  histogram.Observe(5);
  const std::string text = registry.Render();
  EXPECT_THAT(text, HasSubstr("# HELP ops_total Operations.\n"
                              "# TYPE ops_total counter\n"
                              "ops_total{result=\"ok\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE queue_bytes gauge\nqueue_bytes 7\n"));
  EXPECT_THAT(text, HasSubstr("flush_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("flush_seconds_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("flush_seconds_count 2\n"));
}

TEST(RegistryTest, GivesTheSameObjectForTheSameSeries) {
  Registry registry;
  auto& first = registry.AddCounter("ops_total", "Operations.", {{"result", "ok"}});
  auto& again = registry.AddCounter("ops_total", "Operations.", {{"result", "ok"}});
  auto& other = registry.AddCounter("ops_total", "Operations.", {{"result", "failed"}});
  EXPECT_EQ(&first, &again);
  EXPECT_NE(&first, &other);
}

TEST(RegistryTest, OrdersFamiliesAndSeries) {
  Registry registry;
  for (const char* result : {"c", "a", "b"}) {
    registry.AddCounter("z_total", "Last.", {{"result", result}});
  }
  registry.AddGauge("a_rows", "First.");
  const std::string text = registry.Render();
  EXPECT_LT(text.find("a_rows 0"), text.find("z_total{result=\"a\"}"));
  EXPECT_LT(text.find("z_total{result=\"a\"}"), text.find("z_total{result=\"b\"}"));
  EXPECT_LT(text.find("z_total{result=\"b\"}"), text.find("z_total{result=\"c\"}"));
}

TEST(RegistryTest, AddingAndRenderingMayRunAtTheSameTime) {
  Registry registry;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&registry, i] {
      for (int n = 0; n < 50; ++n) {
        registry.AddCounter("ops_total", "Operations.", {{"worker", std::to_string(i)}})
            .Increment();
        EXPECT_THAT(registry.Render(), HasSubstr("ops_total"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(Sample(registry, "ops_total{worker=\"" + std::to_string(i) + "\"}"), 50);
  }
}

TEST(RegistryTest, TellsWhatIsRunning) {
  const Registry registry("topgun-test");
  EXPECT_THAT(registry.Render(), HasSubstr("\",service=\"topgun-test\",version=\""));
}

TEST(ProcessMetricsTest, CountsOpenFiles) {
  const Registry registry;
  const double before = Sample(registry, "process_open_fds");
  const int fd = open("/dev/null", O_RDONLY);
  ASSERT_GE(fd, 0);
  EXPECT_EQ(Sample(registry, "process_open_fds"), before + 1);
  close(fd);
  EXPECT_EQ(Sample(registry, "process_open_fds"), before);
  EXPECT_GT(Sample(registry, "process_max_fds"), before);
}

TEST(ProcessMetricsTest, CountsCpuTime) {
  const Registry registry;
  const double before = Sample(registry, "process_cpu_seconds_total");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (Sample(registry, "process_cpu_seconds_total") <= before) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
  }
}

TEST(ProcessMetricsTest, KnowsMemoryAndStartTime) {
  const Registry registry;
  EXPECT_GT(Sample(registry, "process_resident_memory_bytes"), 1 << 20);
  const auto now = static_cast<double>(time(nullptr));
  const double start = Sample(registry, "process_start_time_seconds");
  EXPECT_LE(start, now + 1);
  EXPECT_GT(start, now - 3600);
}

TEST(BucketsTest, SpanTheDocumentedRanges) {
  EXPECT_DOUBLE_EQ(kLatencySeconds.front(), 50e-6);
  EXPECT_DOUBLE_EQ(kLatencySeconds.back(), 30);
  EXPECT_EQ(kBatchSizes.front(), 1);
  EXPECT_EQ(kBatchSizes.back(), 16384);
  EXPECT_EQ(kBytes.front(), 64);
  EXPECT_EQ(kBytes.back(), 64 << 20);
}

TEST(RenderDocTest, ListsEveryFamilyWithItsLabels) {
  Registry registry;
  registry.AddCounter("ops_total", "Operations.", {{"result", "ok"}});
  registry.AddCounter("ops_total", "Operations.", {{"result", "failed"}});
  registry.AddHistogram("flush_seconds", "Flush time.", kLatencySeconds);
  registry.Declare(
      {.name = "late_rows", .type = Type::kGauge, .help = "Later.", .labels = {{"table", {}}}});
  const std::string doc = RenderDoc(registry);
  EXPECT_THAT(doc, HasSubstr("| `ops_total` | counter | `result`: failed, ok | Operations. |\n"));
  EXPECT_THAT(doc, HasSubstr("| `flush_seconds` | histogram |  | Flush time. |\n"));
  EXPECT_THAT(doc, HasSubstr("| `late_rows` | gauge | `table` | Later. |\n"));
  EXPECT_THAT(doc, HasSubstr("| `process_open_fds` | gauge |"));
  EXPECT_THAT(registry.Render(), Not(HasSubstr("late_rows"))) << "declared, but without series";
}

TEST(RegistryDeathTest, RefusesWrongDeclarations) {
  Registry registry;
  registry.AddCounter("ops_total", "Operations.", {{"result", "ok"}});
  EXPECT_DEATH(registry.AddCounter("ops", "Operations."), "end in _total");
  EXPECT_DEATH(registry.AddGauge("ops_total", "Operations."), "end in _total");
  EXPECT_DEATH(registry.AddGauge("queue_bytes", ""), "needs a help text");
  EXPECT_DEATH(registry.AddGauge("queue-bytes", "Bytes."), "not a valid name");
  EXPECT_DEATH(registry.AddGauge("queue_bytes", "Bytes.", {{"a-b", "c"}}), "label name");
  EXPECT_DEATH(registry.AddCounter("ops_total", "Other."), "another help text");
  EXPECT_DEATH(registry.AddCounter("ops_total", "Operations.", {{"map", "m"}}),
               "other label names");
  EXPECT_DEATH(registry.AddHistogram("flush_seconds", "Time.", {2, 1}), "buckets must ascend");
}

}  // namespace
}  // namespace topgun::metrics
