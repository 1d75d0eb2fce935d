// merkle.json, transcripts: the recorded clients talk to a gateway's connection, whose cluster is a
// replica of lib/crdt. Every answer must be the recorded one, and the cluster must end as recorded.
//
// A gateway pulls what only the client has (the "optional refinement" of core.md 7.6): where the
// recorded server lists nothing it lists empty buckets, as the one of the last transcript does.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "crdt_vectors.h"
#include "gateway_fakes.h"
#include "state/cell.h"

namespace topgun::gateway {
namespace {

namespace json = boost::json;
using crdt::String;

std::string CellOf(std::string_view value, const crdt::Timestamp& timestamp,
                   std::optional<double> ttl_ms, bool tombstone) {
  state::CellView cell;
  cell.timestamp = timestamp.view();
  cell.tombstone = tombstone;
  cell.has_ttl = ttl_ms.has_value();
  cell.ttl_ms = ttl_ms.value_or(0);
  cell.value = value;
  return state::EncodeCell(cell);
}

// What the cluster holds of the transcript's map.
class Replica {
 public:
  explicit Replica(const json::value& transcript) {
    const json::value& server = transcript.at("server");
    const bool is_lww = String(transcript.at("kind")) == "lww";
    for (const json::value& entry : server.at("entries").as_array()) {
      const std::string key = String(entry.at("key"));
      if (is_lww) {
        lww_.Merge(key, crdt::ReadLwwRecord(entry.at("record")));
      } else {
        or_.Apply(key, crdt::ReadOrRecord(entry.at("record")));
      }
    }
    for (const auto& key : server.at("tombstonesByKey").as_object()) {
      for (const std::string& tag : crdt::ReadStrings(key.value())) {
        or_.ApplyTombstone(tag, std::string(key.key()));
      }
    }
  }

  std::shared_ptr<const TreeAnswer> Read(const TreeRequest& request) {
    const bool is_lww = request.kind == state::CellKind::kLww;
    const crdt::MerkleTree& tree = is_lww ? lww_.tree() : or_.tree();
    auto answer = std::make_shared<TreeAnswer>();
    for (const std::string& path : request.paths) {
      TreeAnswer::Node& node = answer->nodes.emplace_back();
      node.hash = tree.NodeHash(path);
      if (path.size() < crdt::MerkleTree::kDepth) {
        for (const auto& [digit, hash] : tree.Children(path))
          node.children.push_back({digit, hash});
        continue;
      }
      for (const crdt::MerkleTree::Item& item : tree.Items(path)) {
        const std::string key(item.key);
        if (is_lww) {
          AddLww(key, *answer, node);
        } else {
          AddOr(key, *answer, node);
        }
      }
    }
    return answer;
  }

  std::vector<ResolvedTag> Resolve(const std::vector<std::string>& tags) const {
    std::map<std::string, std::string> key_of_tag;
    for (const auto& [key, records] : or_.records()) {
      for (const crdt::OrRecord& record : records) key_of_tag[record.tag] = key;
    }
    std::vector<ResolvedTag> resolved;
    for (const std::string& tag : tags) {
      const auto live = key_of_tag.find(tag);
      if (live != key_of_tag.end()) {
        resolved.push_back({.state = TagState::kLive, .key = live->second});
      } else {
        resolved.push_back(
            {.state = or_.IsTombstone(tag) ? TagState::kDead : TagState::kUnknown, .key = {}});
      }
    }
    return resolved;
  }

  void Apply(const FakeSink::Submitted& op) {
    if (op.kind == wire::OpKind::kOrAdd) {
      std::optional<double> ttl_ms;
      if (op.ttl_ms > 0) ttl_ms = op.ttl_ms;
      or_.Apply(op.key, {op.value, op.timestamp, op.tag, ttl_ms});
    } else if (op.dead_in) {
      or_.ApplyTombstone(op.tag);
    } else {
      ASSERT_EQ(op.kind, wire::OpKind::kOrRemove);
      or_.ApplyTombstone(op.tag, op.key);
    }
  }

  void ExpectFinal(const json::value& transcript) {
    const json::value& expected = transcript.at("final");
    const bool is_lww = String(transcript.at("kind")) == "lww";
    const uint32_t root_hash = is_lww ? lww_.tree().root_hash() : or_.tree().root_hash();
    EXPECT_EQ(root_hash, crdt::ReadHash(expected.at("serverRootHash")));
    if (is_lww) return;
    EXPECT_EQ(or_.tombstones(), crdt::ReadStrings(expected.at("serverTombstones")));
    const json::object& records = expected.at("serverRecords").as_object();
    EXPECT_EQ(or_.records().size(), records.size());
    for (const auto& key : records) {
      const auto stored = or_.RecordsOf(std::string(key.key()));
      EXPECT_EQ(Tags({stored.begin(), stored.end()}), Tags(crdt::ReadOrRecords(key.value())));
    }
  }

 private:
  static std::set<std::string> Tags(const std::vector<crdt::OrRecord>& records) {
    std::set<std::string> tags;
    for (const crdt::OrRecord& record : records) tags.insert(record.tag);
    return tags;
  }

  void AddLww(const std::string& key, TreeAnswer& answer, TreeAnswer::Node& node) {
    const crdt::LwwRecord& record = *lww_.Find(key);
    Add(key, {}, CellOf(record.value, record.timestamp, record.ttl_ms, record.tombstone), answer,
        node);
  }
  void AddOr(const std::string& key, TreeAnswer& answer, TreeAnswer::Node& node) {
    std::map<std::string, std::string> cells;
    for (const crdt::OrRecord& record : or_.RecordsOf(key)) {
      cells[record.tag] = CellOf(record.value, record.timestamp, record.ttl_ms, false);
    }
    for (const std::string& tag : or_.TombstonesOf(key)) cells[tag] = CellOf({}, {}, {}, true);
    for (const auto& [tag, cell] : cells) Add(key, tag, cell, answer, node);
  }
  static void Add(const std::string& key, const std::string& tag, std::string cell,
                  TreeAnswer& answer, TreeAnswer::Node& node) {
    const std::string_view kept_key = answer.bytes.emplace_back(key);
    const std::string_view kept_tag = answer.bytes.emplace_back(tag);
    node.cells.push_back(
        {.key = kept_key, .tag = kept_tag, .cell = answer.bytes.emplace_back(std::move(cell))});
  }

  support::ManualClock wall_{1'700'000'100'000};
  crdt::HybridLogicalClock clock_{"server-1", wall_};
  crdt::LwwMap lww_{clock_};
  crdt::OrMap or_{clock_, crdt::OrMap::Role::kServer};
};

std::string Text(const crdt::TimestampView& timestamp) {
  return std::to_string(timestamp.millis) + ":" + std::to_string(timestamp.counter) + ":" +
         std::string(timestamp.node_id);
}

std::string Text(bool has_ttl, double ttl_ms) {
  return has_ttl ? " ttl " + std::to_string(ttl_ms) : std::string();
}

std::string Join(std::vector<std::string> lines) {
  std::sort(lines.begin(), lines.end());
  std::string text;
  for (const std::string& line : lines) text.append("\n  ").append(line);
  return text;
}

// All that a client reads of a frame, except empty buckets, which are put into `empty`.
std::string Describe(const wire::ServerFrame& frame, std::set<std::string>& empty) {
  std::string text(wire::Name(frame.type));
  std::vector<std::string> lines;
  switch (frame.type) {
    case wire::FrameType::kSyncRespRoot:
    case wire::FrameType::kOrMapSyncRespRoot:
      EXPECT_FALSE(frame.sync_root.full_resync || frame.sync_root.covering_epoch);
      return text.append(" ")
          .append(frame.sync_root.map)
          .append(" ")
          .append(std::to_string(frame.sync_root.root_hash) + " at " +
                  std::to_string(frame.sync_root.timestamp.millis));
    case wire::FrameType::kSyncRespBuckets:
    case wire::FrameType::kOrMapSyncRespBuckets:
      text.append(" ").append(frame.sync_buckets.map).append(" ").append(frame.sync_buckets.path);
      for (const wire::BucketHash& bucket : frame.sync_buckets.buckets) {
        if (bucket.hash == 0) {
          empty.emplace(bucket.digit);
        } else {
          lines.push_back(std::string(bucket.digit) + ": " + std::to_string(bucket.hash));
        }
      }
      return text + Join(std::move(lines));
    case wire::FrameType::kSyncRespLeaf:
      text.append(" ").append(frame.sync_leaf.map).append(" ").append(frame.sync_leaf.path);
      for (const wire::LwwEntry& entry : frame.sync_leaf.records) {
        lines.push_back(std::string(entry.key) + " = " + std::string(entry.record.value) + " at " +
                        Text(entry.record.timestamp) +
                        Text(entry.record.has_ttl, entry.record.ttl_ms));
      }
      return text + Join(std::move(lines));
    case wire::FrameType::kOrMapSyncRespLeaf: {
      const wire::OrEntries& entries = frame.or_map_leaf.entries;
      text.append(" ").append(frame.or_map_leaf.map).append(" ").append(frame.or_map_leaf.path);
      for (size_t i = 0; i < entries.size(); ++i) {
        const std::string key(entries.key(i));
        for (const crdt::OrRecordView& record : entries.records(i)) {
          lines.push_back(key + " has " + std::string(record.tag) + " = " +
                          std::string(record.value) + " at " + Text(record.timestamp) +
                          Text(record.has_ttl, record.ttl_ms));
        }
        for (const std::string_view tag : entries.tombstones(i)) {
          lines.push_back(key + " lost " + std::string(tag));
        }
      }
      return text + Join(std::move(lines));
    }
    default:
      return text;
  }
}

class Conversation {
 public:
  explicit Conversation(const json::value& transcript)
      : replica_(transcript), handler_(&gateway_.table.OnOpen(session_)) {
    gateway_.clock.Set(1'700'000'100'000);
  }
  ~Conversation() { handler_->OnClosed(CloseCause::kPeer); }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  void Send(const json::value& message) {
    ASSERT_TRUE(session_.frames.empty()) << "an answer that was not recorded";
    handler_->OnMessage(support::ToMsgpack(message), true);
    do {
      gateway_.turns.Run();  // reads start in a turn of their own
    } while (ServeCluster());
  }

  // The next answer is the recorded one.
  void Expect(const json::value& message) {
    ASSERT_FALSE(session_.frames.empty());
    const std::string sent = session_.frames.front();
    session_.frames.erase(session_.frames.begin());
    const std::string recorded = support::ToMsgpack(message);
    std::set<std::string> empty_sent;
    std::set<std::string> empty_recorded;
    const std::string described = Decoded(recorded, empty_recorded);
    EXPECT_EQ(Decoded(sent, empty_sent), described);
    const bool lists_nothing = described.find('\n') == std::string::npos && empty_recorded.empty();
    if (!lists_nothing) {
      EXPECT_EQ(empty_sent, empty_recorded);
    }
  }

  void ExpectFinal(const json::value& transcript) {
    EXPECT_TRUE(session_.frames.empty());
    replica_.ExpectFinal(transcript);
  }

 private:
  static std::string Decoded(std::string_view bytes, std::set<std::string>& empty) {
    wire::ServerFrame frame;
    EXPECT_TRUE(wire::DecodeServerFrame(bytes, frame).ok());
    return Describe(frame, empty);
  }

  // Answers what the gateway has asked of its cluster; false when it has not asked anything.
  bool ServeCluster() {
    const bool asked = !gateway_.trees.reads.empty() || !gateway_.trees.resolves.empty() ||
                       !gateway_.sink.submitted.empty();
    for (const FakeSink::Submitted& op : gateway_.sink.submitted) replica_.Apply(op);
    gateway_.sink.Answer(gateway_.written);
    for (auto& [request, done] : std::exchange(gateway_.trees.reads, {})) {
      done(replica_.Read(request));
    }
    for (auto& [tags, done] : std::exchange(gateway_.trees.resolves, {})) {
      done(replica_.Resolve(tags));
    }
    return asked;
  }

  DispatchHarness gateway_;
  Replica replica_;
  FakeSession session_;
  SessionHandler* handler_;
};

TEST(GatewayVectors, Conversations) {
  const json::value& vectors = support::LoadVectors("merkle.json");
  size_t answers = 0;
  for (const json::value& transcript : vectors.at("transcripts").as_array()) {
    SCOPED_TRACE(crdt::Name(transcript.as_object()));
    Conversation conversation(transcript);
    for (const json::value& line : transcript.at("exchange").as_array()) {
      SCOPED_TRACE(json::serialize(line));
      const json::value* message = line.as_object().if_contains("message");
      if (message == nullptr) continue;  // {"server": "merged, no reply"}
      if (String(line.at("from")) == "client") {
        conversation.Send(*message);
      } else {
        conversation.Expect(*message);
        ++answers;
      }
    }
    conversation.ExpectFinal(transcript);
  }
  EXPECT_GT(answers, 50U);
}

}  // namespace
}  // namespace topgun::gateway
