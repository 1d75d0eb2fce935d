// merkle.json: the trees that the sync service answers, for maps cut into two parts (core.md 7.4).
#include <gtest/gtest.h>

#include "crdt/hash.h"
#include "crdt_vectors.h"
#include "domain/lww_content.h"
#include "domain/or_content.h"
#include "domain/tree_read.h"

namespace topgun::sync {
namespace {

namespace json = boost::json;
using crdt::String;

const json::object& Vectors() { return support::LoadVectors("merkle.json").as_object(); }

// The parts of two loops; every cell is newer than the one before.
template <typename Content>
class TwoParts {
 public:
  void Apply(std::string_view key, std::string_view tag, state::CellView cell) {
    cell.version = {1, ++version_};
    PartOf(key).Apply(0, key, tag, state::EncodeCell(cell));
  }
  void Prune(std::string_view key, state::CellView cell) {
    cell.version = {1, version_};
    PartOf(key).Prune(0, key, "", state::EncodeCell(cell));
  }
  TreePart Read(const TreeQuery& query) {
    std::vector<TreePart> parts;
    for (Content& part : parts_) parts.push_back(TakeTree(part, query, 0));
    return MergeTrees(std::move(parts));
  }
  uint32_t RootHash() { return Read({{""}, false, 0}).sums.NodeHash(""); }

 private:
  Content& PartOf(std::string_view key) { return parts_[crdt::HashString(key) % 2]; }

  Content parts_[2];
  uint64_t version_ = 0;
};

template <typename Content>
void ExpectTree(TwoParts<Content>& parts, const json::value& expected) {
  TreeQuery query;
  for (const auto& node : expected.at("nodes").as_object()) {
    query.paths.emplace_back(node.key().data(), node.key().size());
  }
  const TreePart tree = parts.Read(query);
  for (const std::string& path : query.paths) {
    EXPECT_EQ(tree.sums.NodeHash(path), crdt::ReadHash(expected.at("nodes").at(path))) << path;
  }
  EXPECT_EQ(tree.sums.NodeHash(""), crdt::ReadHash(expected.at("rootHash")));
}

state::CellView CellOf(const crdt::LwwRecord& record) {
  state::CellView cell;
  cell.timestamp = record.timestamp.view();
  cell.tombstone = record.tombstone;
  cell.has_ttl = record.ttl_ms.has_value();
  cell.ttl_ms = record.ttl_ms.value_or(0);
  cell.value = record.value;
  return cell;
}

state::CellView CellOf(const crdt::OrRecord& record) {
  state::CellView cell;
  cell.timestamp = record.timestamp.view();
  cell.has_ttl = record.ttl_ms.has_value();
  cell.ttl_ms = record.ttl_ms.value_or(0);
  cell.value = record.value;
  return cell;
}

class LwwSet {
 public:
  // What the merge decides is stored.
  void Merge(const std::string& key, const crdt::LwwRecord& record) {
    const auto it = stored_.find(key);
    if (it != stored_.end() && it->second.timestamp >= record.timestamp) return;
    stored_[key] = record;
    parts.Apply(key, "", CellOf(record));
  }
  void Prune(const crdt::Timestamp& older_than) {
    for (const auto& [key, record] : stored_) {
      if (record.tombstone && record.timestamp < older_than) parts.Prune(key, CellOf(record));
    }
  }
  TwoParts<LwwContent> parts;

 private:
  std::map<std::string, crdt::LwwRecord> stored_;
};

void Fill(LwwSet& set, const json::value& entries) {
  if (entries.is_array()) {
    for (const json::value& entry : entries.as_array()) {
      set.Merge(String(entry.at("key")), crdt::ReadLwwRecord(entry.at("record")));
    }
    return;
  }
  // "keys row/0 .. row/599, value i, timestamp millis 1700000000000+i, counter 0, nodeId n"
  ASSERT_TRUE(support::Text(entries.at("generator")).starts_with("keys row/0 .. row/599"));
  for (int64_t i = 0; i < 600; ++i) {
    set.Merge("row/" + std::to_string(i), {"", {1700000000000 + i, 0, "n"}, std::nullopt, false});
  }
}

json::array StepsOf(const json::value& item) {
  const json::value* steps = item.as_object().if_contains("thenSteps");
  return steps == nullptr ? json::array() : steps->as_array();
}

TEST(TreeVectors, Lww) {
  for (const json::value& item : Vectors().at("lww").as_array()) {
    SCOPED_TRACE(crdt::Name(item.as_object()));
    LwwSet set;
    Fill(set, item.at("entries"));
    for (const json::value& step : StepsOf(item)) {
      if (String(step.at("op")) == "merge") {
        set.Merge(String(step.at("key")), crdt::ReadLwwRecord(step.at("record")));
      } else {
        set.Prune(crdt::ReadTimestamp(step.at("olderThan")));
      }
      EXPECT_EQ(set.parts.RootHash(), crdt::ReadHash(step.at("rootHashAfter")));
    }
    ExpectTree(set.parts, item.at("tree"));
  }
}

class OrSet {
 public:
  void Apply(const std::string& key, const crdt::OrRecord& record) {
    if (dead_.contains(record.tag)) return;
    key_of_tag_[record.tag] = key;
    parts.Apply(key, record.tag, CellOf(record));
  }
  void Kill(const std::string& tag) {
    dead_.insert(tag);
    const auto it = key_of_tag_.find(tag);
    if (it == key_of_tag_.end()) return;
    state::CellView cell;
    cell.timestamp = {1, 0, "n"};
    cell.tombstone = true;
    parts.Apply(it->second, tag, cell);
  }
  TwoParts<OrContent> parts;

 private:
  std::map<std::string, std::string> key_of_tag_;
  std::set<std::string> dead_;
};

TEST(TreeVectors, Or) {
  for (const json::value& item : Vectors().at("or").as_array()) {
    SCOPED_TRACE(crdt::Name(item.as_object()));
    OrSet set;
    for (const json::value& entry : item.at("entries").as_array()) {
      set.Apply(String(entry.at("key")), crdt::ReadOrRecord(entry.at("record")));
    }
    for (const std::string& tag : crdt::ReadStrings(item.at("tombstones"))) set.Kill(tag);
    for (const json::value& step : StepsOf(item)) {
      if (String(step.at("op")) == "applyTombstone") {
        set.Kill(String(step.at("tag")));
      } else {
        set.Apply(String(step.at("key")), crdt::ReadOrRecord(step.at("record")));
      }
      EXPECT_EQ(set.parts.RootHash(), crdt::ReadHash(step.at("rootHashAfter")));
    }
    ExpectTree(set.parts, item.at("tree"));
  }
}

}  // namespace
}  // namespace topgun::sync
