// How a run is shared out among agents, and what of it travels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "distributed/patience.h"
#include "distributed/share.h"
#include "distributed/stats_codec.h"
#include "options/distributed.h"

namespace topgun::loadgen {
namespace {

using testing::HasSubstr;

TEST(ShareTest, TheSharesAreTheWhole) {
  Config whole;
  whole.load.connections = 10;
  whole.load.rate = 1'000;
  whole.load.ops = 100;
  whole.clients.subscribers = 2;
  whole.data.maps = 7;
  whole.load.ramp = RateCurve{0, 2'000, 10};
  constexpr uint32_t kAgents = 3;
  uint32_t connections = 0;
  double rate = 0;
  double ramped_rate = 0;
  uint64_t ops = 0;
  uint32_t subscribers = 0;
  uint32_t maps = 0;
  std::set<std::string> prefixes;
  std::set<uint64_t> seeds;
  for (uint32_t i = 0; i < kAgents; ++i) {
    Config part = whole;
    TakeShare(i, kAgents, &part);
    connections += part.load.connections;
    rate += part.load.rate;
    EXPECT_DOUBLE_EQ(part.load.rate / part.load.connections, 100);
    ramped_rate += part.load.curve().RateAt(20);
    ops += part.load.ops;
    subscribers += part.clients.subscribers;
    maps += part.data.maps;
    prefixes.insert(part.data.map_prefix);
    seeds.insert(part.data.seed);
    EXPECT_TRUE(part.distributed.agents.empty());
  }
  EXPECT_EQ(connections, 10U);
  EXPECT_DOUBLE_EQ(rate, 1'000);
  EXPECT_DOUBLE_EQ(ramped_rate, 2'000);
  EXPECT_EQ(ops, 100U);
  EXPECT_EQ(subscribers, 2U);
  EXPECT_EQ(maps, 7U);
  EXPECT_EQ(prefixes.size(), kAgents);
  EXPECT_EQ(seeds.size(), kAgents);
}

TEST(ShareTest, EveryAgentHasMapsAndOperations) {
  Config config;
  config.load.ops = 1;
  config.data.maps = 2;
  config.data.map_type = MapType::kMixed;
  TakeShare(1, 2, &config);
  EXPECT_EQ(config.data.maps, 2U);
  EXPECT_EQ(config.load.ops, 1U);
  Config closed;
  TakeShare(0, 2, &closed);
  EXPECT_EQ(closed.load.ops, 0U);
  EXPECT_FALSE(closed.load.open_loop());
}

TEST(ShareTest, MoreAgentsThanConnectionsAreRefused) {
  Config config;
  config.load.connections = 2;
  EXPECT_TRUE(CheckShareable(config, 2).ok());
  EXPECT_THAT(std::string(Message(CheckShareable(config, 3))), HasSubstr("--connections"));
  for (const char* scenario : {"idle", "connect-storm", "merkle-delta"}) {
    config.scenario = scenario;
    EXPECT_TRUE(CheckShareable(config, 2).ok());
    EXPECT_FALSE(CheckShareable(config, 3).ok());
  }
}

TEST(PatienceTest, ConnectingAndVerifyingTakeTheirTime) {
  using std::chrono::milliseconds;
  Config config;
  config.target.connect_timeout = milliseconds(1'000);
  config.load.connections = 900;
  config.clients.subscribers = 100;
  const Patience patience{.silence = milliseconds(10), .verification = milliseconds(20)};
  EXPECT_EQ(patience.For("measure", config), milliseconds(10));
  EXPECT_EQ(patience.For("verify", config), milliseconds(20));
  EXPECT_EQ(patience.For("", config), milliseconds(1'010));
  config.clients.connect_rate = 500;  // takes two seconds
  EXPECT_EQ(patience.For("connect", config), milliseconds(3'010));
}

TEST(DistributedOptionsTest, AddressesAreChecked) {
  const auto check = [](std::vector<std::string> agents) {
    DistributedConfig config;
    config.agents = std::move(agents);
    return FinishDistributed(config);
  };
  EXPECT_TRUE(check({"a:1", "b:1", ""}).ok());
  EXPECT_TRUE(check({}).ok());
  EXPECT_FALSE(check({"a"}).ok());
  EXPECT_FALSE(check({":1"}).ok());
  EXPECT_FALSE(check({"a:"}).ok());
  EXPECT_FALSE(check({"a:x"}).ok());
  EXPECT_THAT(std::string(Message(check({"a:1", "a:1"}))), HasSubstr("twice"));
}

RunStats FilledStats(uint64_t first) {
  RunStats stats;
  uint64_t next = first;
  RunStats::ForEachCounter(stats, [&](const auto&, uint64_t& value) { value = next++; });
  RunStats::ForEachHistogram(stats, [&](const auto&, Histogram& value) {
    value.Record(static_cast<int64_t>(next * 1'000), next);
    ++next;
  });
  stats.errors = {{429, first}, {500, 1}};
  stats.close_reasons = {{"1001", first}};
  stats.last_error = "text";
  return stats;
}

void ExpectEqual(const RunStats& a, const RunStats& b) {
  EXPECT_EQ(ToProto(a).SerializeAsString().size(), ToProto(b).SerializeAsString().size());
  std::vector<uint64_t> counters;
  RunStats::ForEachCounter(a, [&](const auto&, uint64_t value) { counters.push_back(value); });
  size_t next = 0;
  RunStats::ForEachCounter(b, [&](const std::string& name, uint64_t value) {
    EXPECT_EQ(value, counters[next++]) << name;
  });
  std::vector<const Histogram*> histograms;
  RunStats::ForEachHistogram(a, [&](const auto&, const Histogram& h) { histograms.push_back(&h); });
  next = 0;
  RunStats::ForEachHistogram(b, [&](const std::string& name, const Histogram& h) {
    EXPECT_EQ(h.count(), histograms[next]->count()) << name;
    EXPECT_EQ(h.max(), histograms[next]->max()) << name;
    EXPECT_EQ(h.Percentile(50), histograms[next]->Percentile(50)) << name;
    ++next;
  });
  EXPECT_EQ(a.errors, b.errors);
  EXPECT_EQ(a.close_reasons, b.close_reasons);
  EXPECT_EQ(a.last_error, b.last_error);
}

TEST(StatsCodecTest, EverythingTravels) {
  const RunStats stats = FilledStats(5);
  ExpectEqual(stats, FromProto(ToProto(stats)));
  ExpectEqual(RunStats(), FromProto(ToProto(RunStats())));

  Interval interval;
  interval.phase = "measure";
  interval.phase_s = 3;
  interval.left_s = 7;
  interval.unacked_ops = 11;
  interval.stats = stats;
  const Interval copy = FromProto(ToProto(interval));
  EXPECT_EQ(copy.phase, "measure");
  EXPECT_EQ(copy.phase_s, 3);
  EXPECT_EQ(copy.left_s, 7);
  EXPECT_EQ(copy.unacked_ops, 11U);
  ExpectEqual(copy.stats, stats);
}

TEST(StatsCodecTest, MergedReportsAreSums) {
  RunReport one;
  one.seconds = 2;
  one.window = FilledStats(10);
  one.unacked_ops = 3;
  one.busiest_thread = 0.5;
  one.generator_cpu_us = 100;
  one.verify.emplace();
  one.verify->acked_ops = 4;
  one.verify->missing = 1;
  one.verify->examples = {"key 1"};
  one.interrupted = true;
  EXPECT_TRUE(FromProto(ToProto(one)).interrupted);
  RunReport two = one;
  two.seconds = 3;
  two.busiest_thread = 0.7;
  two.verify->incomplete = "no answer";

  RunReport merged;
  MergeReport(FromProto(ToProto(one)), &merged);
  MergeReport(FromProto(ToProto(two)), &merged);
  EXPECT_EQ(merged.seconds, 3);
  EXPECT_EQ(merged.window.ops_acked, 2 * one.window.ops_acked);
  EXPECT_EQ(merged.window.ack_latency.count(), 2 * one.window.ack_latency.count());
  EXPECT_EQ(merged.unacked_ops, 6U);
  EXPECT_EQ(merged.busiest_thread, 0.7);
  EXPECT_EQ(merged.generator_cpu_us, 200);
  ASSERT_TRUE(merged.verify);
  EXPECT_EQ(merged.verify->acked_ops, 8U);
  EXPECT_EQ(merged.verify->missing, 2U);
  EXPECT_EQ(merged.verify->examples.size(), 2U);
  EXPECT_FALSE(merged.verify->passed());
}

}  // namespace
}  // namespace topgun::loadgen
