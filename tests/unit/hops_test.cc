// The bounded memory of sampled records, and how it is asked.
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "hops/endpoint.h"
#include "hops/recorder.h"

namespace topgun::hops {
namespace {

Kind PartKind() { return {.name = "part", .stages = {"sent", "result"}, .numbers = {"ops"}}; }

size_t Count(const std::string& text, const std::string& piece) {
  size_t count = 0;
  for (size_t at = text.find(piece); at != std::string::npos; at = text.find(piece, at + 1)) {
    ++count;
  }
  return count;
}

// As Render() writes it: [number,trace,[times],[numbers],[parts]].
std::string Rendered(uint64_t number, uint64_t trace, uint64_t ops) {
  return "[" + std::to_string(number) + "," + std::to_string(trace) + ",[1000,0],[" +
         std::to_string(ops) + "],[]]";
}

Record RecordOf(uint64_t trace, uint64_t ops) {
  Record record{.trace = trace};
  record.at[0] = Time(std::chrono::nanoseconds(1000));
  record.numbers[0] = ops;
  return record;
}

TEST(RecorderTest, RendersWhatWasAdded) {
  Recorder recorder;
  const size_t part = recorder.AddKind(PartKind());
  recorder.Add(part, RecordOf(7, 100));
  const std::string json = recorder.Render(0);
  EXPECT_NE(json.find(R"("name":"part","stages":["sent","result"],"numbers":["ops"])"),
            std::string::npos)
      << json;
  EXPECT_NE(json.find(Rendered(1, 7, 100)), std::string::npos) << json;
  EXPECT_NE(json.find("\"last\":1"), std::string::npos) << json;
}

TEST(RecorderTest, KeepsTheNewestOfEachKind) {
  Recorder recorder(3);
  const size_t part = recorder.AddKind(PartKind());
  const size_t other = recorder.AddKind({.name = "flush", .stages = {"sent"}, .numbers = {}});
  recorder.Add(other, {});
  for (uint64_t i = 1; i <= 10; ++i) recorder.Add(part, RecordOf(i, i));
  const std::string json = recorder.Render(0);
  EXPECT_EQ(Count(json, ",[1000,0],"), 3U) << json;
  const size_t oldest = json.find(Rendered(9, 8, 8));
  const size_t newest = json.find(Rendered(11, 10, 10));
  ASSERT_NE(oldest, std::string::npos) << json;
  ASSERT_NE(newest, std::string::npos) << json;
  EXPECT_LT(oldest, newest);
  EXPECT_NE(json.find("[1,0,[0],[],[]]"), std::string::npos) << json;  // not evicted by parts
}

TEST(RecorderTest, LeavesOutWhatIsKnown) {
  Recorder recorder;
  const size_t part = recorder.AddKind(PartKind());
  for (uint64_t i = 1; i <= 4; ++i) recorder.Add(part, RecordOf(i, i));
  const std::string json = recorder.Render(3);
  EXPECT_EQ(Count(json, ",[1000,0],"), 1U) << json;
  EXPECT_NE(json.find(Rendered(4, 4, 4)), std::string::npos) << json;
}

TEST(RecorderTest, TheSameKindTwiceIsOne) {
  Recorder recorder;
  EXPECT_EQ(recorder.AddKind(PartKind()), recorder.AddKind(PartKind()));
}

TEST(RecorderTest, TracesAreDistinctAndExactInJavaScript) {
  Recorder recorder;
  const uint64_t first = recorder.NewTrace();
  const uint64_t second = recorder.NewTrace();
  EXPECT_NE(first, second);
  EXPECT_NE(first, 0U);
  EXPECT_LT(first, uint64_t{1} << 53);
}

size_t Picks(Sampler& sampler, size_t pieces) {
  size_t picks = 0;
  for (size_t i = 0; i < pieces; ++i) picks += sampler.Due() ? 1 : 0;
  return picks;
}

TEST(SamplerTest, PicksEveryNth) {
  Recorder recorder;
  recorder.set_every(10);
  Sampler sampler(&recorder);
  EXPECT_EQ(Picks(sampler, 1000), 100U);
}

TEST(SamplerTest, PicksNothingWithoutRecorderOrWhenOff) {
  Sampler idle(nullptr);
  EXPECT_EQ(Picks(idle, 5000), 0U);
  Recorder recorder;
  recorder.set_every(0);
  Sampler off(&recorder);
  EXPECT_EQ(Picks(off, 5000), 0U);
}

TEST(SamplerTest, FollowsAChangeAtRunTime) {
  Recorder recorder;
  recorder.set_every(0);
  Sampler sampler(&recorder);
  Picks(sampler, 10);
  recorder.set_every(1);
  EXPECT_GE(Picks(sampler, 5000), 5000U - 1024U);
}

TEST(EndpointTest, AnswersRecordsAndChangesTheSampling) {
  Recorder recorder;
  recorder.Add(recorder.AddKind(PartKind()), RecordOf(7, 1));
  const Answer all = Serve(recorder, "GET", "");
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.content_type, "application/json");
  EXPECT_NE(all.body.find(Rendered(1, 7, 1)), std::string::npos);
  EXPECT_EQ(Serve(recorder, "GET", "after=1").body.find(Rendered(1, 7, 1)), std::string::npos);
  EXPECT_EQ(Serve(recorder, "POST", "every=5").status, 200);
  EXPECT_EQ(recorder.every(), 5U);
}

TEST(EndpointTest, RefusesWhatItDoesNotKnow) {
  Recorder recorder;
  EXPECT_EQ(Serve(recorder, "GET", "after=x").status, 400);
  EXPECT_EQ(Serve(recorder, "GET", "since=1").status, 400);
  EXPECT_EQ(Serve(recorder, "POST", "").status, 400);
  EXPECT_EQ(Serve(recorder, "POST", "every=1000001").status, 400);
  EXPECT_EQ(Serve(recorder, "DELETE", "").status, 405);
  EXPECT_EQ(recorder.every(), kSampleEvery);
}

}  // namespace
}  // namespace topgun::hops
