// What scenarios of other clients report, on its way from an agent to the coordinator, and the
// phases they tell.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "distributed/stats_codec.h"
#include "driver/phase_log.h"
#include "report/client_sections.h"
#include "report/phase_writer.h"

namespace topgun::loadgen {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RunReport Sent(const RunReport& report) { return FromProto(ToProto(report)); }

TEST(MerkleCodecTest, SyncsTravelAndAddUp) {
  RunReport part;
  MerkleReport& merkle = part.merkle.emplace();
  merkle.map = "m-a0";
  merkle.keys = 1'000;
  merkle.behind = 10;
  merkle.first_sync_ms = 2.5;
  merkle.keys_missing = 1;
  merkle.syncs = 3;
  merkle.unfinished = 2;
  merkle.mismatches = 4;
  for (int64_t i = 1; i <= 3; ++i) merkle.duration.Record(i * 1'000'000);
  merkle.frames_sent = 5;
  merkle.frames_received = 6;
  merkle.bytes_sent = 7;
  merkle.bytes_received = 8;
  merkle.records = 9;
  merkle.round_trips = 4;
  RunReport other = part;
  other.merkle->map = "m-a1";
  other.merkle->first_sync_ms = 1;
  other.merkle->first_mismatch = true;
  other.merkle->round_trips = 5;

  RunReport whole;
  MergeReport(Sent(part), &whole);
  EXPECT_FALSE(whole.merkle->first_mismatch);
  MergeReport(Sent(other), &whole);
  const MerkleReport& sum = *whole.merkle;
  EXPECT_EQ(sum.map, "m-a0, m-a1");
  EXPECT_EQ(sum.keys, 1'000U);  // each
  EXPECT_EQ(sum.behind, 10U);
  EXPECT_EQ(sum.first_sync_ms, 2.5);
  EXPECT_TRUE(sum.first_mismatch);
  EXPECT_EQ(sum.syncs, 6U);
  EXPECT_EQ(sum.keys_missing + sum.unfinished + sum.mismatches, 2U * (1 + 2 + 4));
  EXPECT_EQ(sum.duration.count(), 6U);
  EXPECT_EQ(sum.duration.max(), part.merkle->duration.max());
  EXPECT_EQ(sum.frames_sent + sum.frames_received, 2U * (5 + 6));
  EXPECT_EQ(sum.bytes_sent + sum.bytes_received + sum.records, 2U * (7 + 8 + 9));
  EXPECT_EQ(sum.round_trips, 5U);
  EXPECT_EQ(whole.WorkDone(), 6U);
}

TEST(FleetCodecTest, FleetsTravelAndAddUp) {
  RunReport part;
  FleetReport& fleet = part.fleet.emplace();
  fleet.connections = 1;
  fleet.open_seconds = 2;
  fleet.lost = 3;
  fleet.silent = 4;
  fleet.silent_closed = 5;
  fleet.cycles = 6;
  fleet.cycles_failed = 7;
  fleet.cycles_late = 8;
  RunReport whole;
  MergeReport(Sent(part), &whole);
  MergeReport(Sent(part), &whole);
  const FleetReport& sum = *whole.fleet;
  EXPECT_EQ(sum.connections, 2U);
  EXPECT_EQ(sum.open_seconds, 2);
  EXPECT_EQ(sum.lost + sum.silent + sum.silent_closed, 2U * (3 + 4 + 5));
  EXPECT_EQ(sum.cycles + sum.cycles_failed + sum.cycles_late, 2U * (6 + 7 + 8));
  EXPECT_FALSE(Sent(RunReport()).fleet);
  EXPECT_FALSE(Sent(RunReport()).merkle);
}

TEST(ClientAgentsTableTest, SaysWhatEachAgentDid) {
  RunReport report;
  report.agents.push_back({.name = "one:7070", .busiest_thread = 0.25, .work = 1'200});
  report.merkle.emplace();
  EXPECT_THAT(ClientAgentsTable(report).columns, ElementsAre("syncs", "busiest"));
  EXPECT_THAT(ClientAgentsTable(report).rows.at(0), ElementsAre("one:7070", "1 200", "25 %"));
  report.merkle.reset();
  report.fleet.emplace();
  EXPECT_THAT(ClientAgentsTable(report).columns, ElementsAre("connections", "busiest"));
  report.fleet->cycles = 1;
  EXPECT_THAT(ClientAgentsTable(report).columns, ElementsAre("clients", "busiest"));
}

class Recorder final : public RunObserver {
 public:
  void OnInterval(const Interval& interval) override {
    told.push_back(interval.phase + " " + std::to_string(interval.stats.frames_received));
  }
  void OnPhase(const std::string& name) override { told.push_back(name); }

  std::vector<std::string> told;
};

TEST(PhaseLogTest, CollectsByPhaseAndTells) {
  Recorder recorder;
  RunStats counted;
  PhaseLog log(counted, &recorder);
  log.Begin("connect");
  counted.frames_received = 3;
  log.Collect();
  EXPECT_EQ(counted.frames_received, 0U);
  counted.frames_received = 4;
  log.CollectDue();  // no second has passed
  log.Collect();
  EXPECT_EQ(log.stats().frames_received, 7U);
  log.Begin("measure", 1'000'000'000);
  EXPECT_EQ(log.stats().frames_received, 0U);
  log.Collect();
  EXPECT_THAT(recorder.told,
              ElementsAre("connect", "connect 3", "connect 4", "measure", "measure 0"));
}

TEST(PhaseLogTest, NobodyNeedsToWatch) {
  RunStats counted;
  PhaseLog log(counted, nullptr);
  log.Begin("measure");
  counted.frames_received = 1;
  log.Collect();
  EXPECT_EQ(log.stats().frames_received, 1U);
}

TEST(PhaseWriterTest, ALineSaysWhatHappened) {
  Interval interval;
  interval.phase = "measure";
  interval.phase_s = 12;
  interval.seconds = 2;
  interval.stats.frames_received = 80;
  interval.stats.connect_latency.Record(1'000);
  interval.stats.pong_latency.Record(2'000'000);
  const std::string line = RenderPhase("idle", interval);
  EXPECT_THAT(line,
              HasSubstr("idle: measure, 12 s: 1 connects, 40 frames/s received, pong p99 2."));
  EXPECT_EQ(line.back(), '\n');
}

}  // namespace
}  // namespace topgun::loadgen
