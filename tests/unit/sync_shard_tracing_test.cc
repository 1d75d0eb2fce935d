// Parts that somebody follows (lib/hops) or traces (lib/tracing) on their way through a shard.
#include <gtest/gtest.h>

#include "support/span_collector.h"
#include "sync_shard_fixture.h"

namespace topgun::sync {
namespace {

TEST_F(ShardTest, AFollowedPartIsRecordedWithTheStagesOfItsCommit) {
  hops::Recorder recorder;
  Probe probe(registry_, &recorder);
  Replica replica(redis_, owner_, scheduler_, probe);
  replica.shard.OnConnected();
  scheduler_.Advance(100);
  Done done;
  Done other;
  WritePart part = Part("k", kNow, "1", done);
  part.times = {.trace = 77, .received = hops::Time(std::chrono::seconds(5)), .handed = {}};
  replica.shard.Submit(std::move(part));
  replica.shard.Submit(Part("l", kNow, "1", other));
  scheduler_.Advance(100);
  ASSERT_EQ(done.calls, 1);
  ASSERT_EQ(other.calls, 1);
  const std::string json = recorder.Render(0);
  EXPECT_NE(json.find(",77,[5000000000,0,"), std::string::npos) << json;
  EXPECT_NE(json.find("\"last\":1,"), std::string::npos) << "only what is followed: " << json;
  EXPECT_NE(json.find(std::to_string(done.result.position.n) + "],[]]"), std::string::npos) << json;
}

// A collector and a probe that exports to it.
struct Tracing {
  explicit Tracing(metrics::Registry& registry)
      : spans(collector.options(), {.service = "topgun-sync", .instance = "a"}, registry,
              support::SpanCollector::limits()),
        probe(registry, nullptr, &spans) {
    spans.Start();
  }
  support::SpanCollector collector;
  tracing::Recorder spans;
  Probe probe;
};
constexpr std::string_view kCaller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST_F(ShardTest, ATracedPartHasSpansAndHandsItsTraceOn) {
  Tracing tracing(registry_);
  Replica replica(redis_, owner_, scheduler_, tracing.probe);
  replica.shard.OnConnected();
  scheduler_.Advance(100);
  Done done;
  Done other;
  WritePart part = Part("k", kNow, "1", done);
  part.spans = tracing.probe.SpansOf(kCaller, "vendor=1");
  ASSERT_NE(part.spans, nullptr);
  replica.shard.Submit(std::move(part));
  replica.shard.Submit(Part("l", kNow, "1", other));
  scheduler_.Advance(100);
  ASSERT_EQ(done.calls, 1);

  const auto spans = tracing.collector.WaitFor(5);
  const auto find = [&](const std::string& name) {
    return support::SpanCollector::Find(spans, name);
  };
  const auto service = find("topgun.sync.v1.Sync/Apply");
  EXPECT_EQ(service.parent, "b7ad6b7169203331");
  for (const char* const stage : {"queue", "HMGET cells", "merge", "commit to Redis"}) {
    EXPECT_EQ(find(stage).parent, service.span) << stage;
    EXPECT_EQ(find(stage).trace, "0af7651916cd43dd8448eb211c80319c") << stage;
  }
  const auto commit = find("commit to Redis");
  EXPECT_EQ(commit.attributes.at("db.system"), "redis");
  state::FeedEntryView entry;
  ASSERT_TRUE(state::DecodeFeedEntry(redis_.feed.at(redis_.feed.size() - 2).entry, &entry));
  ASSERT_EQ(entry.traces.size(), 1U);
  EXPECT_EQ(entry.traces[0].traceparent,
            "00-0af7651916cd43dd8448eb211c80319c-" + commit.span + "-01");
  EXPECT_EQ(entry.traces[0].tracestate, "vendor=1");
  ASSERT_TRUE(state::DecodeFeedEntry(redis_.feed.back().entry, &entry));
  EXPECT_TRUE(entry.traces.empty()) << "the commit of the other part";
}

TEST_F(ShardTest, AReplicaThatExportsNothingHandsTheTraceOn) {
  Probe probe(registry_);
  const auto spans = probe.SpansOf(kCaller, "");
  ASSERT_NE(spans, nullptr);
  EXPECT_EQ(tracing::Traceparent(spans->commit), kCaller);
  EXPECT_EQ(probe.SpansOf("garbage", ""), nullptr);
  EXPECT_EQ(probe.SpansOf(std::string(kCaller.substr(0, 53)) + "00", ""), nullptr);
}

TEST_F(ShardTest, ARefusedPartHasASpanThatSaysWhy) {
  Tracing tracing(registry_);
  ShardLimits limits;
  limits.queue_bytes_max = 50;
  Replica replica(redis_, owner_, scheduler_, tracing.probe, limits);
  Done done;
  WritePart part = Part("k", kNow, "1", done);
  part.spans = tracing.probe.SpansOf(kCaller, "");
  EXPECT_FALSE(replica.shard.Submit(std::move(part)));
  const auto spans = tracing.collector.WaitFor(1);
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].error, "too much work is waiting for this shard");
}

}  // namespace
}  // namespace topgun::sync
