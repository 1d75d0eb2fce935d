// merkle.json, transcripts: a client replica and a server replica are led through every recorded
// conversation. Each answer of the server must be what its tree holds, each push of the client
// what its map holds, and both must end as recorded. (Messages as bytes are the service's test.)
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "crdt/lww_map.h"
#include "crdt/merkle_tree.h"
#include "crdt/or_map.h"
#include "crdt_vectors.h"
#include "support/manual_clock.h"

namespace topgun::crdt {
namespace {

namespace json = boost::json;

constexpr int64_t kWallMs = 1700000100000;

std::string Key(const json::key_value_pair& member) {
  return {member.key().data(), member.key().size()};
}

// The optional refinement of core.md 7.6, listing buckets that only the client has with hash 0, is
// the service's business; a tree lists what it holds. So non-zero buckets must be the same, and
// what the tree lists with 0 must be listed.
void ExpectBuckets(const MerkleTree& tree, const json::value& payload) {
  std::map<char, uint32_t> expected;
  for (const auto& bucket : payload.at("buckets").as_object()) {
    expected.emplace(bucket.key()[0], ReadHash(bucket.value()));
  }
  for (const MerkleTree::Bucket& bucket : tree.Children(support::Text(payload.at("path")))) {
    const auto listed = expected.find(bucket.digit);
    ASSERT_NE(listed, expected.end());
    EXPECT_EQ(listed->second, bucket.hash);
    expected.erase(listed);
  }
  for (const auto& [digit, hash] : expected) EXPECT_EQ(hash, 0U) << digit;
}

std::set<std::string> LeafKeys(const MerkleTree& tree, const json::value& payload) {
  std::set<std::string> keys;
  for (const MerkleTree::Item& item : tree.Items(support::Text(payload.at("path")))) {
    keys.emplace(item.key);
  }
  return keys;
}

// Clocks of the two replicas of a conversation.
class Conversation {
 protected:
  const support::ManualClock wall_{kWallMs};
  HybridLogicalClock client_clock_{"client-A", wall_};
  HybridLogicalClock server_clock_{"server-1", wall_};
};

class LwwConversation : Conversation {
 public:
  explicit LwwConversation(const json::value& transcript) {
    Fill(client_, transcript.at("client").at("entries"));
    Fill(server_, transcript.at("server").at("entries"));
  }

  void OnMessage(const std::string& type, const json::object& message) {
    if (type == "SYNC_RESP_ROOT") {
      EXPECT_EQ(server_.tree().root_hash(), ReadHash(message.at("payload").at("rootHash")));
    } else if (type == "SYNC_RESP_BUCKETS") {
      ExpectBuckets(server_.tree(), message.at("payload"));
    } else if (type == "SYNC_RESP_LEAF") {
      OnLeaf(message.at("payload"));
    } else {
      ASSERT_TRUE(type == "SYNC_INIT" || type == "MERKLE_REQ_BUCKET") << type;
    }
  }

  void ExpectFinal(const json::value& expected) {
    EXPECT_EQ(client_.tree().root_hash(), ReadHash(expected.at("clientRootHash")));
    EXPECT_EQ(server_.tree().root_hash(), ReadHash(expected.at("serverRootHash")));
    EXPECT_EQ(client_.records().size(), expected.at("clientRecords").as_object().size());
    for (const auto& record : expected.at("clientRecords").as_object()) {
      ASSERT_NE(client_.Find(Key(record)), nullptr);
      EXPECT_EQ(*client_.Find(Key(record)), ReadLwwRecord(record.value()));
    }
  }

 private:
  static void Fill(LwwMap& map, const json::value& entries) {
    for (const json::value& entry : entries.as_array()) {
      map.Merge(String(entry.at("key")), ReadLwwRecord(entry.at("record")));
    }
  }

  void OnLeaf(const json::value& payload) {
    std::set<std::string> keys;
    for (const json::value& entry : payload.at("records").as_array()) {
      const std::string key = String(entry.at("key"));
      const LwwRecord record = ReadLwwRecord(entry.at("record"));
      keys.insert(key);
      ASSERT_NE(server_.Find(key), nullptr);
      EXPECT_EQ(*server_.Find(key), record);
      client_.Merge(key, record);
    }
    EXPECT_EQ(LeafKeys(server_.tree(), payload), keys);
  }

  LwwMap client_{client_clock_};
  LwwMap server_{server_clock_};
};

std::vector<OrRecord> ByTag(std::vector<OrRecord> records) {
  std::sort(records.begin(), records.end(),
            [](const OrRecord& a, const OrRecord& b) { return a.tag < b.tag; });
  return records;
}

class OrConversation : Conversation {
 public:
  explicit OrConversation(const json::value& transcript) {
    const json::value& client = transcript.at("client");
    const json::value& server = transcript.at("server");
    Fill(client_, client.at("entries"));
    Fill(server_, server.at("entries"));
    for (const std::string& tag : ReadStrings(client.at("tombstones"))) client_.ApplyTombstone(tag);
    for (const auto& key : server.at("tombstonesByKey").as_object()) {
      for (const std::string& tag : ReadStrings(key.value())) server_.ApplyTombstone(tag, Key(key));
    }
  }

  void OnMessage(const std::string& type, const json::object& message) {
    if (type == "ORMAP_SYNC_INIT") {
      EXPECT_EQ(client_.tree().root_hash(), ReadHash(message.at("rootHash")));
    } else if (type == "ORMAP_SYNC_RESP_ROOT") {
      EXPECT_EQ(server_.tree().root_hash(), ReadHash(message.at("payload").at("rootHash")));
    } else if (type == "ORMAP_SYNC_RESP_BUCKETS") {
      ExpectBuckets(server_.tree(), message.at("payload"));
    } else if (type == "ORMAP_SYNC_RESP_LEAF") {
      OnLeaf(message.at("payload"));
    } else if (type == "ORMAP_PUSH_DIFF") {
      OnPush(message.at("payload"));
    } else {
      ASSERT_EQ(type, "ORMAP_MERKLE_REQ_BUCKET");
    }
  }

  void ExpectFinal(const json::value& expected) {
    EXPECT_EQ(client_.tree().root_hash(), ReadHash(expected.at("clientRootHash")));
    EXPECT_EQ(server_.tree().root_hash(), ReadHash(expected.at("serverRootHash")));
    ExpectRecords(client_, expected.at("clientRecords").as_object());
    ExpectRecords(server_, expected.at("serverRecords").as_object());
    EXPECT_EQ(client_.tombstones(), ReadStrings(expected.at("clientTombstones")));
    EXPECT_EQ(server_.tombstones(), ReadStrings(expected.at("serverTombstones")));
  }

 private:
  static void Fill(OrMap& map, const json::value& entries) {
    for (const json::value& entry : entries.as_array()) {
      map.Apply(String(entry.at("key")), ReadOrRecord(entry.at("record")));
    }
  }

  static std::vector<OrRecord> Stored(const OrMap& map, const std::string& key) {
    const std::span<const OrRecord> records = map.RecordsOf(key);
    return {records.begin(), records.end()};
  }

  static void ExpectRecords(const OrMap& map, const json::object& expected) {
    EXPECT_EQ(map.records().size(), expected.size());
    for (const auto& key : expected) {
      EXPECT_EQ(ByTag(Stored(map, Key(key))), ByTag(ReadOrRecords(key.value())));
    }
  }

  void OnLeaf(const json::value& payload) {
    std::set<std::string> keys;
    for (const json::value& entry : payload.at("entries").as_array()) {
      const std::string key = String(entry.at("key"));
      const std::vector<OrRecord> records = ReadOrRecords(entry.at("records"));
      const std::vector<std::string> tombstones = ReadStrings(entry.at("tombstones"));
      keys.insert(key);
      EXPECT_EQ(Stored(server_, key), records);
      EXPECT_EQ(server_.TombstonesOf(key), tombstones);
      client_.MergeKey(key, records, tombstones);
    }
    EXPECT_EQ(LeafKeys(server_.tree(), payload), keys);
  }

  void OnPush(const json::value& payload) {
    for (const json::value& entry : payload.at("entries").as_array()) {
      const std::string key = String(entry.at("key"));
      const std::vector<OrRecord> records = ReadOrRecords(entry.at("records"));
      const std::vector<std::string> tombstones = ReadStrings(entry.at("tombstones"));
      EXPECT_EQ(Stored(client_, key), records);
      EXPECT_EQ(client_.tombstones(), tombstones);
      server_.MergeKey(key, records, tombstones);
    }
  }

  OrMap client_{client_clock_, OrMap::Role::kClient};
  OrMap server_{server_clock_, OrMap::Role::kServer};
};

template <typename Kind>
void Replay(const json::value& transcript) {
  Kind conversation(transcript);
  for (const json::value& line : transcript.at("exchange").as_array()) {
    SCOPED_TRACE(json::serialize(line));
    const json::value* message = line.as_object().if_contains("message");
    if (message == nullptr) continue;  // {"server": "merged, no reply"}
    conversation.OnMessage(String(message->at("type")), message->as_object());
  }
  conversation.ExpectFinal(transcript.at("final"));
}

TEST(MerkleVectors, Conversations) {
  const json::value& vectors = support::LoadVectors("merkle.json");
  for (const json::value& transcript : vectors.at("transcripts").as_array()) {
    SCOPED_TRACE(Name(transcript.as_object()));
    if (String(transcript.at("kind")) == "lww") {
      Replay<LwwConversation>(transcript);
    } else {
      Replay<OrConversation>(transcript);
    }
  }
}

}  // namespace
}  // namespace topgun::crdt
