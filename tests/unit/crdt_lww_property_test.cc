// Merge laws of the LWW map on random histories. As in the protocol, a timestamp names one write:
// equal timestamps carry equal records.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crdt/lww_map.h"
#include "support/manual_clock.h"
#include "support/random.h"

namespace topgun::crdt {
namespace {

using Write = std::pair<std::string, LwwRecord>;

constexpr int kRounds = 200;

Write RandomWrite(support::Random& random) {
  Write write;
  write.first = "key-" + std::to_string(random.Below(8));
  LwwRecord& record = write.second;
  record.timestamp = {random.Between(1, 6), random.Between(0, 2),
                      std::string(1, static_cast<char>('a' + random.Below(3)))};
  const std::string name = write.first + "@" + ToString(record.timestamp.view());
  const size_t kind = std::hash<std::string>{}(name) % 4;  // a function of key and timestamp
  record.tombstone = kind == 0;
  if (!record.tombstone) record.value = name;
  if (kind == 1) record.ttl_ms = 500;
  return write;
}

std::vector<Write> RandomHistory(support::Random& random) {
  std::vector<Write> history;
  const uint64_t count = 1 + random.Below(40);
  for (uint64_t i = 0; i < count; ++i) history.push_back(RandomWrite(random));
  return history;
}

class LwwReplica {
 public:
  explicit LwwReplica(const std::vector<Write>& history = {}) { Play(history); }

  void Play(const std::vector<Write>& history) {
    for (const auto& [key, record] : history) map.Merge(key, record);
  }
  void MergeFrom(const LwwReplica& other) {
    for (const auto& [key, record] : other.map.records()) map.Merge(key, record);
  }
  friend bool operator==(const LwwReplica& a, const LwwReplica& b) {
    return a.map.records() == b.map.records() &&
           a.map.tree().root_hash() == b.map.tree().root_hash();
  }

  const support::ManualClock wall{1000};
  HybridLogicalClock clock{"local", wall};
  LwwMap map{clock};
};

class LwwLaws : public testing::Test {
 protected:
  support::Random random_{support::TestSeed()};
};

TEST_F(LwwLaws, ConvergesInAnyOrderWithRepeats) {
  for (int round = 0; round < kRounds; ++round) {
    std::vector<Write> history = RandomHistory(random_);
    const LwwReplica first(history);
    const std::vector<Write> again = history;
    for (const Write& write : again) {
      if (random_.OneIn(3)) history.push_back(write);
    }
    random_.Shuffle(history);
    ASSERT_EQ(LwwReplica(history), first);
  }
}

TEST_F(LwwLaws, NewestWriteOfEachKeyWins) {
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<Write> history = RandomHistory(random_);
    std::map<std::string, LwwRecord> newest;
    for (const auto& [key, record] : history) {
      const auto [it, added] = newest.emplace(key, record);
      if (!added && it->second.timestamp < record.timestamp) it->second = record;
    }
    const LwwReplica replica(history);
    ASSERT_EQ(replica.map.records().size(), newest.size());
    for (const auto& [key, record] : newest) ASSERT_EQ(*replica.map.Find(key), record);
  }
}

TEST_F(LwwLaws, MergeIsCommutativeAssociativeIdempotent) {
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<Write> a = RandomHistory(random_);
    const std::vector<Write> b = RandomHistory(random_);
    const std::vector<Write> c = RandomHistory(random_);

    LwwReplica ab(a);
    ab.MergeFrom(LwwReplica(b));
    LwwReplica ba(b);
    ba.MergeFrom(LwwReplica(a));
    ASSERT_EQ(ab, ba);

    LwwReplica left(a);  // (a + b) + c
    left.MergeFrom(LwwReplica(b));
    left.MergeFrom(LwwReplica(c));
    LwwReplica bc(b);  // a + (b + c)
    bc.MergeFrom(LwwReplica(c));
    LwwReplica right(a);
    right.MergeFrom(bc);
    ASSERT_EQ(left, right);

    for (const auto& [key, record] : a) {
      ASSERT_NE(left.map.Merge(key, record), MergeOutcome::kApplied);
    }
  }
}

TEST_F(LwwLaws, OutcomesMirrorEachOther) {
  for (int round = 0; round < kRounds; ++round) {
    const LwwRecord a = RandomWrite(random_).second;
    const LwwRecord b = RandomWrite(random_).second;
    const MergeOutcome forward = CompareLww(a.timestamp.view(), b.timestamp.view());
    const MergeOutcome back = CompareLww(b.timestamp.view(), a.timestamp.view());
    ASSERT_EQ(forward == MergeOutcome::kDuplicate, back == MergeOutcome::kDuplicate);
    ASSERT_EQ(forward == MergeOutcome::kApplied, back == MergeOutcome::kStale);
  }
}

TEST_F(LwwLaws, PruneLeavesEverythingButOldTombstones) {
  for (int round = 0; round < kRounds; ++round) {
    LwwReplica replica(RandomHistory(random_));
    const StringMap<LwwRecord> before = replica.map.records();
    const Timestamp limit(random_.Between(1, 7), 0, "b");
    const std::vector<std::string> keys = replica.map.Prune(limit.view());
    ASSERT_EQ(replica.map.records().size(), before.size() - keys.size());
    ASSERT_EQ(replica.map.tree().size(), replica.map.records().size());
    for (const std::string& key : keys) {
      ASSERT_TRUE(before.find(key)->second.tombstone);
      ASSERT_LT(before.find(key)->second.timestamp, limit);
      ASSERT_EQ(replica.map.Find(key), nullptr);
    }
    for (const auto& [key, record] : replica.map.records()) {
      ASSERT_FALSE(record.tombstone && record.timestamp < limit);
    }
  }
}

}  // namespace
}  // namespace topgun::crdt
