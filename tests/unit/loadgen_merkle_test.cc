// A client's walk against a server made of lib/crdt: what is asked for, what it costs, where it
// ends.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crdt/hybrid_logical_clock.h"
#include "crdt/lww_map.h"
#include "crdt/or_map.h"
#include "merkle/merkle_walk.h"
#include "merkle/replica.h"
#include "wire/client_frame.h"
#include "workload/key_space.h"

namespace topgun::loadgen {
namespace {

constexpr const char* kMap = "m";
const std::string kValue = "\xa5hello";

class FixedClock final : public WallClock {
 public:
  int64_t NowMs() const override { return 1'700'000'000'000; }
};

// Keeps what the walk sends; the tests answer it.
class Requests final : public MerkleWalk::Output {
 public:
  void Send(std::string_view frame) override { frames.emplace_back(frame); }

  std::vector<std::string> Take() { return std::exchange(frames, {}); }
  std::vector<std::string> frames;
};

class LwwWalkTest : public testing::Test {
 protected:
  LwwWalkTest() {
    for (uint64_t key = 0; key < kKeys; ++key) {
      EXPECT_TRUE(server_.Set(KeySpace::KeyName(key), kValue).ok());
    }
  }

  // Runs the walk to its end and returns the paths that were asked for.
  std::multiset<std::string> Run() {
    std::multiset<std::string> paths;
    walk_.Start();
    bool ended = false;
    while (!requests_.frames.empty()) {
      for (const std::string& request : requests_.Take()) {
        EXPECT_FALSE(ended) << "asked after the end";
        ended = Answer(request, &paths);
      }
    }
    EXPECT_TRUE(ended);
    EXPECT_FALSE(walk_.running());
    return paths;
  }

  bool Answer(const std::string& request, std::multiset<std::string>* paths) {
    wire::ClientFrame asked;
    EXPECT_TRUE(wire::Decode(request, asked).ok());
    wire::ServerFrame answer;
    if (asked.type == wire::FrameType::kSyncInit) {
      answer.type = wire::FrameType::kSyncRespRoot;
      answer.sync_root.map = kMap;
      answer.sync_root.root_hash = server_.tree().root_hash();
      return walk_.OnFrame(answer);
    }
    const std::string path(asked.merkle_req_bucket.path);
    paths->insert(path);
    if (path.size() < 3) {
      const auto buckets = server_.tree().Children(path);
      answer.type = wire::FrameType::kSyncRespBuckets;
      answer.sync_buckets.map = kMap;
      answer.sync_buckets.path = path;
      for (const auto& bucket : buckets) {
        answer.sync_buckets.buckets.push_back({std::string_view(&bucket.digit, 1), bucket.hash});
      }
      return walk_.OnFrame(answer);
    }
    answer.type = wire::FrameType::kSyncRespLeaf;
    answer.sync_leaf.map = kMap;
    answer.sync_leaf.path = path;
    for (const auto& item : server_.tree().Items(path)) {
      const crdt::LwwRecord* const record = server_.Find(item.key);
      answer.sync_leaf.records.push_back(
          {item.key, {.value = record->value, .timestamp = record->timestamp.view()}});
    }
    return walk_.OnFrame(answer);
  }

  static constexpr uint64_t kKeys = 2'000;
  FixedClock wall_;
  crdt::HybridLogicalClock clock_{"server", wall_};
  crdt::LwwMap server_{clock_};
  std::unique_ptr<Replica> replica_ = MakeReplica(false);
  Requests requests_;
  MerkleWalk walk_{kMap, false, *replica_, requests_};
};

TEST_F(LwwWalkTest, AnEmptyClientFetchesEveryLeafOnceAndEndsWithTheServersRoot) {
  const auto paths = Run();
  EXPECT_EQ(std::set<std::string>(paths.begin(), paths.end()).size(), paths.size());
  EXPECT_EQ(replica_->tree().root_hash(), server_.tree().root_hash());
  EXPECT_EQ(replica_->Keys().size(), kKeys);
  EXPECT_EQ(walk_.cost().records, kKeys);
  EXPECT_EQ(walk_.cost().round_trips, 5U);
  EXPECT_EQ(walk_.cost().frames_sent, paths.size() + 1);
  EXPECT_EQ(walk_.cost().frames_received, paths.size() + 1);
}

TEST_F(LwwWalkTest, AnUpToDateClientNeedsOneRoundTrip) {
  Run();
  EXPECT_TRUE(Run().empty());
  EXPECT_EQ(walk_.cost().round_trips, 1U);
  EXPECT_EQ(walk_.cost().frames_sent, 1U);
}

TEST_F(LwwWalkTest, AForgottenKeyCostsThePathToItsLeaf) {
  Run();
  const std::string lost = KeySpace::KeyName(77);
  replica_->Forget(lost);
  const std::string path = crdt::MerklePath(lost);
  EXPECT_EQ(Run(), (std::multiset<std::string>{"", path.substr(0, 1), path.substr(0, 2), path}));
  EXPECT_EQ(replica_->tree().root_hash(), server_.tree().root_hash());
}

TEST_F(LwwWalkTest, AnOlderRecordDoesNotReplaceANewerOne) {
  Run();
  const std::string key = KeySpace::KeyName(3);
  wire::ServerFrame leaf;
  leaf.type = wire::FrameType::kSyncRespLeaf;
  leaf.sync_leaf.map = kMap;
  leaf.sync_leaf.records.push_back(
      {key, {.value = kValue, .timestamp = {.millis = 1, .counter = 0, .node_id = "old"}}});
  std::string push;
  EXPECT_EQ(replica_->MergeLeaf(leaf, push), 1U);
  EXPECT_TRUE(push.empty());
  EXPECT_EQ(replica_->tree().root_hash(), server_.tree().root_hash());
}

TEST_F(LwwWalkTest, AnAbandonedWalkTakesNoAnswers) {
  walk_.Start();
  walk_.Abandon();
  std::multiset<std::string> paths;
  EXPECT_FALSE(Answer(requests_.Take().front(), &paths));
  EXPECT_TRUE(requests_.frames.empty());
}

TEST_F(LwwWalkTest, FramesOfOtherMapsAreNotItsOwn) {
  walk_.Start();
  wire::ServerFrame other;
  other.type = wire::FrameType::kSyncRespRoot;
  other.sync_root.map = "another";
  EXPECT_FALSE(walk_.OnFrame(other));
  EXPECT_TRUE(walk_.running());
}

TEST(OrReplicaTest, AnswersALeafWithWhatItHoldsOfIt) {
  FixedClock wall;
  crdt::HybridLogicalClock clock("server", wall);
  crdt::OrMap server(clock, crdt::OrMap::Role::kServer);
  const auto first = server.Add("key", kValue);
  const auto second = server.Add("key", kValue);
  ASSERT_TRUE(first.ok() && second.ok());

  const auto replica = MakeReplica(true);
  wire::ServerFrame leaf;
  leaf.type = wire::FrameType::kOrMapSyncRespLeaf;
  leaf.or_map_leaf.map = kMap;
  leaf.or_map_leaf.entries.AddKey("key");
  for (const crdt::OrRecord& record : server.RecordsOf("key")) {
    leaf.or_map_leaf.entries.AddRecord(
        {.value = record.value, .timestamp = record.timestamp.view(), .tag = record.tag});
  }
  std::string push;
  EXPECT_EQ(replica->MergeLeaf(leaf, push), 2U);
  EXPECT_EQ(replica->tree().root_hash(), server.tree().root_hash());
  EXPECT_EQ(replica->Clone()->tree().root_hash(), server.tree().root_hash());

  wire::ClientFrame pushed;
  ASSERT_TRUE(wire::Decode(push, pushed).ok());
  EXPECT_EQ(pushed.type, wire::FrameType::kOrMapPushDiff);
  ASSERT_EQ(pushed.or_map_push_diff.entries.size(), 1U);
  EXPECT_EQ(pushed.or_map_push_diff.entries.records(0).size(), 2U);
}

TEST(OrReplicaTest, ATombstoneKillsTheRecordAndAKeyWithoutRecordsIsAbsent) {
  const auto replica = MakeReplica(true);
  wire::ServerFrame leaf;
  leaf.type = wire::FrameType::kOrMapSyncRespLeaf;
  leaf.or_map_leaf.map = kMap;
  leaf.or_map_leaf.entries.AddKey("key");
  leaf.or_map_leaf.entries.AddRecord({.value = kValue, .timestamp = {1, 0, "a"}, .tag = "1:0:a"});
  std::string push;
  replica->MergeLeaf(leaf, push);
  EXPECT_NE(replica->tree().root_hash(), 0U);

  leaf.or_map_leaf.entries.Clear();
  leaf.or_map_leaf.entries.AddKey("key");
  leaf.or_map_leaf.entries.AddTombstone("1:0:a");
  push.clear();
  replica->MergeLeaf(leaf, push);
  EXPECT_EQ(replica->tree().root_hash(), 0U);
  EXPECT_TRUE(replica->Keys().empty());
  EXPECT_TRUE(push.empty());
}

}  // namespace
}  // namespace topgun::loadgen
