// Merge laws of the OR map on random histories. As in the protocol, tag and timestamp name one
// record, and a tag is used under one key.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "crdt/or_map.h"
#include "support/manual_clock.h"
#include "support/random.h"

namespace topgun::crdt {
namespace {

constexpr int kOrRounds = 200;
constexpr uint64_t kKeys = 4;

struct Delta {
  std::string key;
  std::vector<OrRecord> records;
  std::vector<std::string> tombstones;
};

std::string KeyOfTag(uint64_t tag) { return "key-" + std::to_string(tag % kKeys); }

// What one replica tells another about a key; `own_tags` keeps the tombstones to that key.
Delta RandomDelta(support::Random& random, bool own_tags) {
  Delta delta;
  const uint64_t key = random.Below(kKeys);
  delta.key = KeyOfTag(key);
  for (uint64_t i = random.Below(4); i > 0; --i) {
    const uint64_t tag = key + kKeys * random.Below(5);
    OrRecord record;
    record.tag = "tag-" + std::to_string(tag);
    record.timestamp = {random.Between(1, 3), 0, "n"};
    record.value = record.tag + "@" + ToString(record.timestamp.view());
    delta.records.push_back(record);
  }
  for (uint64_t i = random.Below(3); i > 0; --i) {
    const uint64_t tag = (own_tags ? key : random.Below(kKeys)) + kKeys * random.Below(5);
    delta.tombstones.push_back("tag-" + std::to_string(tag));
  }
  return delta;
}

std::vector<Delta> RandomHistory(support::Random& random, bool own_tags) {
  std::vector<Delta> history;
  const uint64_t count = 1 + random.Below(30);
  for (uint64_t i = 0; i < count; ++i) history.push_back(RandomDelta(random, own_tags));
  return history;
}

// All that can be seen of a map, in comparable form.
struct State {
  std::map<std::string, std::map<std::string, std::string>> records;  // key -> tag -> value
  std::map<std::string, std::vector<std::string>> tombstones_of;
  std::vector<std::string> tombstones;
  std::map<std::string, uint32_t> items;  // of the tree
  uint32_t root_hash = 0;

  friend bool operator==(const State&, const State&) = default;
};

// For the message of a failed comparison.
void PrintTo(const State& state, std::ostream* out) {
  for (const auto& [key, records] : state.records) {
    *out << key << ":";
    for (const auto& [tag, value] : records) *out << " " << value;
    *out << "\n";
  }
  for (const auto& [key, tags] : state.tombstones_of) {
    *out << key << " dead:";
    for (const std::string& tag : tags) *out << " " << tag;
    *out << "\n";
  }
  *out << "root " << state.root_hash;
}

class OrReplica {
 public:
  explicit OrReplica(OrMap::Role role, const std::vector<Delta>& history = {}) : map(clock, role) {
    for (const Delta& delta : history) map.MergeKey(delta.key, delta.records, delta.tombstones);
  }

  State Look() {
    State state;
    for (uint64_t i = 0; i < kKeys; ++i) {
      const std::string key = KeyOfTag(i);
      for (const OrRecord* record : map.VisibleRecords(key, 0)) {
        state.records[key].emplace(record->tag, record->value);
      }
      state.tombstones_of[key] = map.TombstonesOf(key);
      if (const auto hash = map.tree().ItemHash(key); hash.has_value()) {
        state.items.emplace(key, *hash);
      }
    }
    state.tombstones = map.tombstones();
    state.root_hash = map.tree().root_hash();
    return state;
  }

  const support::ManualClock wall{1000};
  HybridLogicalClock clock{"local", wall};
  OrMap map;
};

class OrLaws : public testing::Test {
 protected:
  State Shuffled(OrMap::Role role, std::vector<Delta> history) {
    const std::vector<Delta> again = history;
    for (const Delta& delta : again) {
      if (random_.OneIn(3)) history.push_back(delta);
    }
    random_.Shuffle(history);
    return OrReplica(role, history).Look();
  }

  support::Random random_{support::TestSeed()};
};

TEST_F(OrLaws, ServerConvergesInAnyOrderWithMapWideTombstones) {
  for (int round = 0; round < kOrRounds; ++round) {
    const std::vector<Delta> history = RandomHistory(random_, false);
    const State expected = OrReplica(OrMap::Role::kServer, history).Look();
    for (int i = 0; i < 3; ++i) ASSERT_EQ(Shuffled(OrMap::Role::kServer, history), expected);
  }
}

TEST_F(OrLaws, ClientConvergesInAnyOrder) {
  for (int round = 0; round < kOrRounds; ++round) {
    const std::vector<Delta> history = RandomHistory(random_, true);
    const State expected = OrReplica(OrMap::Role::kClient, history).Look();
    for (int i = 0; i < 3; ++i) ASSERT_EQ(Shuffled(OrMap::Role::kClient, history), expected);
  }
}

// Up to what only a server keeps, both roles agree; above all on the root hash.
TEST_F(OrLaws, ClientAndServerShowTheSame) {
  for (int round = 0; round < kOrRounds; ++round) {
    const std::vector<Delta> history = RandomHistory(random_, true);
    const State client = OrReplica(OrMap::Role::kClient, history).Look();
    const State server = OrReplica(OrMap::Role::kServer, history).Look();
    ASSERT_EQ(client.records, server.records);
    ASSERT_EQ(client.tombstones, server.tombstones);
    ASSERT_EQ(client.root_hash, server.root_hash);
  }
}

TEST_F(OrLaws, MatchesTheDefinition) {
  for (int round = 0; round < kOrRounds; ++round) {
    const std::vector<Delta> history = RandomHistory(random_, false);
    std::map<std::string, OrRecord> newest;  // by tag
    std::map<std::string, std::string> key_of;
    std::vector<std::string> dead;
    for (const Delta& delta : history) {
      for (const OrRecord& record : delta.records) {
        const auto [it, added] = newest.emplace(record.tag, record);
        if (!added && it->second.timestamp < record.timestamp) it->second = record;
        key_of[record.tag] = delta.key;
      }
      dead.insert(dead.end(), delta.tombstones.begin(), delta.tombstones.end());
    }
    std::sort(dead.begin(), dead.end());
    dead.erase(std::unique(dead.begin(), dead.end()), dead.end());

    const State state = OrReplica(OrMap::Role::kServer, history).Look();
    ASSERT_EQ(state.tombstones, dead);
    std::map<std::string, std::map<std::string, std::string>> expected;
    for (const auto& [tag, record] : newest) {
      if (std::binary_search(dead.begin(), dead.end(), tag)) continue;
      expected[key_of[tag]].emplace(tag, record.value);
    }
    ASSERT_EQ(state.records, expected);
  }
}

TEST_F(OrLaws, MergingAgainChangesNothing) {
  for (int round = 0; round < kOrRounds; ++round) {
    const std::vector<Delta> history = RandomHistory(random_, false);
    OrReplica replica(OrMap::Role::kServer, history);
    const State before = replica.Look();
    for (const Delta& delta : history) {
      const auto counts = replica.map.MergeKey(delta.key, delta.records, delta.tombstones);
      ASSERT_EQ(counts.added + counts.updated, 0U);
    }
    ASSERT_EQ(replica.Look(), before);
  }
}

TEST_F(OrLaws, WholeMapMergeCommutes) {
  for (int round = 0; round < kOrRounds; ++round) {
    // Without replacing writes: a whole-map merge leaves known tags as they are.
    std::vector<Delta> a = RandomHistory(random_, false);
    std::vector<Delta> b = RandomHistory(random_, false);
    for (std::vector<Delta>* history : {&a, &b}) {
      for (Delta& delta : *history) {
        for (OrRecord& record : delta.records) record.timestamp.millis = 1;
        for (OrRecord& record : delta.records) record.value = record.tag;
      }
    }
    OrReplica ab(OrMap::Role::kServer, a);
    ab.map.MergeMap(OrReplica(OrMap::Role::kServer, b).map);
    OrReplica ba(OrMap::Role::kServer, b);
    ba.map.MergeMap(OrReplica(OrMap::Role::kServer, a).map);
    ASSERT_EQ(ab.Look(), ba.Look());
  }
}

TEST_F(OrLaws, TagOutcomesFormAJoin) {
  std::vector<OrTagState> states;
  for (int64_t millis = 1; millis <= 3; ++millis) {
    states.push_back({{millis, 0, "n"}, false});
    states.push_back({{millis, 0, "n"}, true});
  }
  for (const OrTagState& a : states) {
    for (const OrTagState& b : states) {
      const MergeOutcome forward = CompareOrTag(a, b);
      const MergeOutcome back = CompareOrTag(b, a);
      EXPECT_EQ(forward == MergeOutcome::kApplied, back == MergeOutcome::kStale);
      EXPECT_EQ(forward == MergeOutcome::kDuplicate, back == MergeOutcome::kDuplicate);
      EXPECT_FALSE(forward == MergeOutcome::kApplied && a.tombstone);
    }
  }
}

// What a server does with OR_REMOVE and with tags that clients push under other keys.
TEST(OrMapServer, TombstonesBelongToTheKeyOfTheirTag) {
  const support::ManualClock wall(1000);
  HybridLogicalClock clock("server", wall);
  OrMap map(clock, OrMap::Role::kServer);
  map.Apply("a", {"\x01", {1, 0, "n"}, "tag-a", std::nullopt});

  map.MergeKey("b", {}, std::vector<std::string>{"tag-a", "unknown"});
  EXPECT_TRUE(map.RecordsOf("a").empty());
  EXPECT_EQ(map.TombstonesOf("a"), std::vector<std::string>{"tag-a"});
  EXPECT_TRUE(map.TombstonesOf("b").empty());
  EXPECT_EQ(map.tombstones(), (std::vector<std::string>{"tag-a", "unknown"}));
  EXPECT_EQ(map.tree().ItemHash("a"), 0U);  // listed, so that clients holding it ask
  EXPECT_EQ(map.tree().root_hash(), 0U);

  EXPECT_FALSE(map.Apply("c", {"\x01", {2, 0, "n"}, "unknown", std::nullopt}));
  EXPECT_EQ(map.TombstonesOf("c"), std::vector<std::string>{"unknown"});

  map.ApplyTombstone("later", "d");
  EXPECT_EQ(map.TombstonesOf("d"), std::vector<std::string>{"later"});
  EXPECT_EQ(map.tree().size(), 3U);
}

TEST(OrMapServer, PrunedKeyLeavesTheTree) {
  const support::ManualClock wall(1000);
  HybridLogicalClock clock("server", wall);
  OrMap map(clock, OrMap::Role::kServer);
  map.ApplyTombstone("1:0:n", "k");
  EXPECT_EQ(map.tree().size(), 1U);
  EXPECT_EQ(map.Prune({5, 0, "n"}), std::vector<std::string>{"1:0:n"});
  EXPECT_EQ(map.tree().size(), 0U);
  EXPECT_TRUE(map.TombstonesOf("k").empty());
}

TEST(OrMapLocal, RefusesBadTtl) {
  const support::ManualClock wall(1000);
  HybridLogicalClock clock("local", wall);
  OrMap map(clock, OrMap::Role::kClient);
  EXPECT_FALSE(map.Add("k", "\x01", 0.0).ok());
  EXPECT_TRUE(map.Add("k", "\x01", 1.0).ok());
}

TEST(OrMapLocal, RemovesByValueAsJavaScriptComparesIt) {
  const support::ManualClock wall(1000);
  HybridLogicalClock clock("local", wall);
  OrMap map(clock, OrMap::Role::kClient);
  ASSERT_TRUE(map.Add("k", "\x01").ok());
  ASSERT_TRUE(map.Add("k", std::string("\xcb\x3f\xf0\0\0\0\0\0\0", 9)).ok());  // 1.0
  ASSERT_TRUE(map.Add("k", std::string("\xcb\x7f\xf8\0\0\0\0\0\0", 9)).ok());  // NaN
  ASSERT_TRUE(map.Add("k",
                      "\xa1"
                      "1")
                  .ok());  // "1"
  EXPECT_EQ(map.RemoveValue("k", std::string("\xcb\x7f\xf8\0\0\0\0\0\0", 9)).size(), 0U);
  EXPECT_EQ(map.RemoveValue("k", "\x01").size(), 2U);
  EXPECT_EQ(map.RecordsOf("k").size(), 2U);
}

}  // namespace
}  // namespace topgun::crdt
