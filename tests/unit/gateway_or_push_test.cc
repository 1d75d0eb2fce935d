// ORMAP_PUSH_DIFF between fakes (core.md 7.6): what becomes of its records and its tombstones.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "dispatch/tag_removal.h"
#include "gateway_sync_fixture.h"

namespace topgun::gateway {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Known = std::map<std::string, ResolvedTag>;

ResolvedTag LiveAt(std::string key) { return {.state = TagState::kLive, .key = std::move(key)}; }
ResolvedTag DeadAt(std::string key) { return {.state = TagState::kDead, .key = std::move(key)}; }

class OrPushTest : public SyncTest {
 protected:
  void Push(wire::OrEntries entries) {
    wire::OrMapPushDiffFrame push;
    push.map = "m";
    push.entries = std::move(entries);
    std::string frame;
    wire::EncodeOrMapPushDiff(push, frame);
    Send(frame);
  }
  void PushRecord(std::string_view tag) {
    wire::OrEntries entries;
    entries.AddKey("a");
    entries.AddRecord({.value = "\x01", .timestamp = {5, 0, "c"}, .tag = tag});
    Push(std::move(entries));
  }
  void PushTombstones(const std::vector<std::string>& tags) {
    wire::OrEntries entries;
    entries.AddKey("a");
    for (const std::string& tag : tags) entries.AddTombstone(tag);
    Push(std::move(entries));
  }
  // What was submitted and not answered yet, e.g. "OR_REMOVE:key:tag dead:0:tag".
  std::string Submitted() {
    std::string text;
    for (const FakeSink::Submitted& op : gateway_.sink.submitted) {
      if (!text.empty()) text.push_back(' ');
      text += op.dead_in ? "dead:" + std::to_string(*op.dead_in)
                         : std::string(Name(op.kind)) + ":" + op.key;
      text += ":" + op.tag;
    }
    return text;
  }
  void AnswerWrites(OpOutcome outcome = OpOutcome::kApplied) {
    gateway_.sink.Answer(gateway_.written, outcome);
    gateway_.turns.Run();
  }
  const std::vector<std::string>& Asked() { return gateway_.trees.resolves.front().first; }
};

TEST_F(OrPushTest, RecordsAreAddedUnlessTheFrameSaysTheyAreDead) {
  wire::OrEntries entries;
  entries.AddKey("a");
  entries.AddRecord({.value = "\x01", .timestamp = {5, 0, "c"}, .tag = "t1"});
  entries.AddRecord({.value = "\x02", .timestamp = {6, 0, "c"}, .tag = "dead"});
  entries.AddKey("b");
  entries.AddTombstone("dead");
  Push(std::move(entries));
  EXPECT_EQ(Submitted(), "OR_ADD:a:t1");
  EXPECT_FALSE(gateway_.sink.submitted[0].origin.empty());
}

TEST_F(OrPushTest, EveryTombstoneGoesWhereItsTagLives) {
  wire::OrEntries entries;
  for (const char* key : {"a", "b"}) {
    entries.AddKey(key);
    for (const char* tag : {"dead", "elsewhere"}) entries.AddTombstone(tag);
  }
  Push(std::move(entries));
  EXPECT_EQ(Asked(), (std::vector<std::string>{"dead", "elsewhere"}));
  gateway_.trees.Resolve({{"dead", DeadAt("a")}, {"elsewhere", LiveAt("z")}});
  EXPECT_EQ(Submitted(), "OR_REMOVE:z:elsewhere");
  AnswerWrites();
  // The same tag may live under another key as well.
  EXPECT_EQ(Asked(), std::vector<std::string>{"elsewhere"});
  gateway_.trees.Resolve({{"elsewhere", LiveAt("y")}});
  EXPECT_EQ(Submitted(), "OR_REMOVE:y:elsewhere");
  AnswerWrites();
  gateway_.trees.Resolve({{"elsewhere", DeadAt("y")}});
  EXPECT_TRUE(gateway_.trees.resolves.empty());
  EXPECT_TRUE(session_.frames.empty());
}

TEST_F(OrPushTest, ATagNobodyKnowsIsDeclaredDeadInEveryShard) {
  PushTombstones({"unknown"});
  gateway_.trees.Resolve({});
  EXPECT_EQ(Submitted(), "dead:0:unknown dead:1:unknown");
  AnswerWrites();
  gateway_.trees.Resolve({{"unknown", DeadAt("")}});
  EXPECT_EQ(Submitted(), "");
}

TEST_F(OrPushTest, ARecordThatCameInBetweenIsRemoved) {
  PushTombstones({"unknown"});
  gateway_.trees.Resolve({});
  AnswerWrites();
  gateway_.trees.Resolve({{"unknown", LiveAt("k")}});
  EXPECT_EQ(Submitted(), "OR_REMOVE:k:unknown");
  AnswerWrites();
  gateway_.trees.Resolve({{"unknown", DeadAt("k")}});
  EXPECT_TRUE(gateway_.trees.resolves.empty());
}

TEST_F(OrPushTest, WhatEveryBucketRepeatsIsTakenOnce) {
  PushTombstones({"t1", "t2"});
  PushTombstones({"t1", "t2"});
  PushTombstones({"t2", "t3"});
  ASSERT_EQ(gateway_.trees.resolves.size(), 2U);
  EXPECT_EQ(gateway_.trees.resolves[1].first, std::vector<std::string>{"t3"});
  gateway_.trees.Resolve({{"t1", DeadAt("a")}, {"t2", DeadAt("a")}});
  gateway_.trees.Resolve({{"t3", DeadAt("a")}});
  PushTombstones({"t1"});  // later: it may have been forgotten meanwhile
  EXPECT_EQ(Asked(), std::vector<std::string>{"t1"});
}

TEST_F(OrPushTest, QuestionsAreCutAtTheLimitOfTheService) {
  std::vector<std::string> tags;
  Known known;
  for (size_t i = 0; i <= TreeReader::kTagsMax; ++i) {
    tags.push_back("tag-" + std::to_string(i));
    known[tags.back()] = DeadAt("a");
  }
  PushTombstones(tags);
  EXPECT_EQ(Asked().size(), TreeReader::kTagsMax);
  gateway_.trees.Resolve(known);
  EXPECT_EQ(Asked(), std::vector<std::string>{tags.back()});
  gateway_.trees.Resolve(known);
  EXPECT_TRUE(gateway_.trees.resolves.empty());
}

TEST_F(OrPushTest, ManyUnknownTagsAreDeclaredPieceByPiece) {
  const size_t per_write = TagRemovalOptions().ops_per_write / gateway_.sink.shard_count();
  std::vector<std::string> tags;
  for (size_t i = 0; i <= per_write; ++i) tags.push_back("tag-" + std::to_string(i));
  PushTombstones(tags);
  gateway_.trees.Resolve({});
  EXPECT_EQ(gateway_.sink.submitted.size(), TagRemovalOptions().ops_per_write);
  AnswerWrites();
  EXPECT_EQ(gateway_.sink.submitted.size(), gateway_.sink.shard_count());
  AnswerWrites();
  EXPECT_EQ(Asked().size(), tags.size());
}

TEST_F(OrPushTest, AQuestionThatFailsIsAskedAgain) {
  PushTombstones({"t"});
  gateway_.trees.FailResolve();
  EXPECT_TRUE(gateway_.trees.resolves.empty());
  gateway_.Tick(seconds(1));
  EXPECT_EQ(Asked(), std::vector<std::string>{"t"});
  gateway_.trees.Resolve({{"t", DeadAt("a")}});
  EXPECT_TRUE(session_.frames.empty());
}

TEST_F(OrPushTest, AWriteThatFailsIsMadeAgain) {
  PushTombstones({"unknown", "live"});
  gateway_.trees.Resolve({{"live", LiveAt("k")}});
  AnswerWrites(OpOutcome::kOverloaded);
  EXPECT_EQ(Submitted(), "");
  gateway_.Tick(seconds(1));
  EXPECT_EQ(Submitted(), "OR_REMOVE:k:live");
  AnswerWrites();
  AnswerWrites(OpOutcome::kOverloaded);
  gateway_.Tick(seconds(1));
  EXPECT_EQ(Submitted(), "dead:0:unknown dead:1:unknown");
  AnswerWrites();
  EXPECT_EQ(Asked(), (std::vector<std::string>{"live", "unknown"}));
}

TEST_F(OrPushTest, AClientWhoseTombstonesWereGivenUpIsSentTheRoot) {
  PushTombstones({"t"});
  Send(OrSyncInit("m"));
  for (size_t i = 0; i < TagRemovalOptions().attempts_max; ++i) {
    ASSERT_EQ(gateway_.trees.resolves.size(), 1U);
    gateway_.trees.FailResolve();
    gateway_.Tick(seconds(10));
  }
  // Its own question goes on, and the root that it did not ask for is read together with it.
  gateway_.Tick(OrPush::kHealDelay);
  gateway_.turns.Run();
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  EXPECT_EQ(session_.TakeTypes(), "ORMAP_SYNC_RESP_ROOT ORMAP_SYNC_RESP_ROOT");
}

TEST_F(OrPushTest, AClientWhoseRecordsWereLostIsSentTheRootOnce) {
  for (const char* tag : {"t1", "t2"}) {
    PushRecord(tag);
    AnswerWrites(OpOutcome::kOverloaded);
  }
  gateway_.Tick(2 * OrPush::kHealDelay);
  ASSERT_EQ(gateway_.trees.reads.size(), 1U);
  Answer({{.hash = 7, .children = {}, .cells = {}}});
  EXPECT_EQ(session_.TakeTypes(), "ORMAP_SYNC_RESP_ROOT");
}

TEST_F(OrPushTest, TombstonesOutliveTheirConnection) {
  FakeSession other;
  SessionHandler& handler = gateway_.table.OnOpen(other);
  wire::OrMapPushDiffFrame push;
  push.map = "m";
  push.entries.AddKey("a");
  push.entries.AddTombstone("t");
  std::string frame;
  wire::EncodeOrMapPushDiff(push, frame);
  handler.OnMessage(frame, true);
  handler.OnClosed(CloseCause::kPeer);
  gateway_.trees.Resolve({{"t", LiveAt("k")}});
  EXPECT_EQ(Submitted(), "OR_REMOVE:k:t");
  AnswerWrites();
  gateway_.trees.Resolve({{"t", DeadAt("k")}});
}

TEST_F(OrPushTest, SocketsWithTooManyPushesAreNotRead) {
  for (size_t i = 0; i < OrPush::kPushesMax; ++i) PushRecord("t" + std::to_string(i));
  EXPECT_TRUE(session_.paused);
  AnswerWrites();
  EXPECT_FALSE(session_.paused);
}

TEST_F(OrPushTest, ReadsWaitUntilThePushIsMerged) {
  PushRecord("t1");
  PushTombstones({"t2"});
  Send(OrSyncInit("m"));
  AnswerWrites();
  EXPECT_TRUE(gateway_.trees.reads.empty());
  gateway_.trees.Resolve({{"t2", DeadAt("a")}});
  gateway_.turns.Run();
  EXPECT_EQ(gateway_.trees.reads.size(), 1U);
}

// ---- The limits of TagRemoval itself ----

class TagRemovalTest : public ::testing::Test {
 protected:
  TagRemovalTest() { removal_.Bind(gateway_.context); }

  bool Remove(std::vector<std::string> tags) {
    return removal_.Remove("m", "origin", std::move(tags),
                           [this](bool removed) { results_.push_back(removed); });
  }

  DispatchHarness gateway_;
  TagRemoval removal_{{.bytes_max = 300, .rounds_max = 2}, gateway_.trees, gateway_.probe};
  std::vector<bool> results_;
};

TEST_F(TagRemovalTest, MoreBytesThanTheLimitAreRefused) {
  EXPECT_FALSE(Remove({std::string(300, 'x')}));
  EXPECT_TRUE(Remove({std::string(200, 'x')}));
  EXPECT_FALSE(Remove({std::string(100, 'y')}));
  gateway_.trees.Resolve({{std::string(200, 'x'), DeadAt("a")}});
  EXPECT_EQ(results_, std::vector<bool>{true});
  EXPECT_TRUE(Remove({std::string(100, 'y')}));
}

TEST_F(TagRemovalTest, ATagThatComesBackAgainAndAgainIsGivenUp) {
  EXPECT_TRUE(Remove({"t"}));
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(results_.empty());
    gateway_.trees.Resolve({{"t", LiveAt("k" + std::to_string(round))}});
    gateway_.sink.Answer(gateway_.written);
  }
  EXPECT_EQ(results_, std::vector<bool>{false});
  EXPECT_EQ(removal_.jobs(), 0U);
}

}  // namespace
}  // namespace topgun::gateway
