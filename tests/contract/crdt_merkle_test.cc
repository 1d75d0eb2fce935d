// merkle.json: every tree, with the steps that change it.
#include <gtest/gtest.h>

#include <map>

#include "crdt/lww_map.h"
#include "crdt/merkle_tree.h"
#include "crdt/or_map.h"
#include "crdt_vectors.h"
#include "support/manual_clock.h"

namespace topgun::crdt {
namespace {

namespace json = boost::json;

const json::object& MerkleVectors() { return support::LoadVectors("merkle.json").as_object(); }

std::string NameOf(const json::key_value_pair& member) {
  return {member.key().data(), member.key().size()};
}

// The client keeps nodes that became empty, with hash 0; they count as absent.
std::map<std::string, uint32_t> NodesOf(const MerkleTree& tree, const std::string& path = "") {
  std::map<std::string, uint32_t> nodes;
  if (tree.NodeHash(path) != 0) nodes.emplace(path, tree.NodeHash(path));
  for (const MerkleTree::Bucket& bucket : tree.Children(path)) {
    EXPECT_EQ(bucket.hash, tree.NodeHash(path + bucket.digit));
    nodes.merge(NodesOf(tree, path + bucket.digit));
  }
  return nodes;
}

void ExpectTree(const MerkleTree& tree, const json::value& expected) {
  EXPECT_EQ(tree.root_hash(), ReadHash(expected.at("rootHash")));
  std::map<std::string, uint32_t> nodes;
  for (const auto& node : expected.at("nodes").as_object()) {
    if (ReadHash(node.value()) != 0) nodes.emplace(NameOf(node), ReadHash(node.value()));
  }
  const json::value* leaves = expected.as_object().if_contains("leaves");
  std::map<std::string, uint32_t> found = NodesOf(tree);
  if (leaves == nullptr) {  // the large tree is given without its lowest level
    std::erase_if(found, [](const auto& node) { return node.first.size() == MerkleTree::kDepth; });
    EXPECT_EQ(found, nodes);
    return;
  }
  EXPECT_EQ(found, nodes);

  size_t keys = 0;
  for (const auto& leaf : leaves->as_object()) {
    std::map<std::string, uint32_t> items;
    for (const MerkleTree::Item& item : tree.Items(NameOf(leaf))) {
      items.emplace(item.key, item.hash);
    }
    std::map<std::string, uint32_t> expected_items;
    for (const auto& item : leaf.value().as_object()) {
      expected_items.emplace(NameOf(item), ReadHash(item.value()));
    }
    EXPECT_EQ(items, expected_items) << NameOf(leaf);
    keys += items.size();
  }
  EXPECT_EQ(tree.size(), keys);
}

// "keys row/0 .. row/599, value i, timestamp millis 1700000000000+i, counter 0, nodeId n"
void FillRows(LwwMap& map) {
  for (int64_t i = 0; i < 600; ++i) {
    map.Merge("row/" + std::to_string(i), {"", {1700000000000 + i, 0, "n"}, std::nullopt, false});
  }
}

json::array StepsOf(const json::value& item) {
  const json::value* steps = item.as_object().if_contains("thenSteps");
  return steps == nullptr ? json::array() : steps->as_array();
}

void FillLww(LwwMap& map, const json::value& entries) {
  if (entries.is_object()) {
    ASSERT_TRUE(support::Text(entries.at("generator")).starts_with("keys row/0 .. row/599"));
    FillRows(map);
    return;
  }
  for (const json::value& entry : entries.as_array()) {
    map.Merge(String(entry.at("key")), ReadLwwRecord(entry.at("record")));
  }
}

TEST(MerkleVectors, LwwTrees) {
  const support::ManualClock wall(1700000100000);
  for (const json::value& item : MerkleVectors().at("lww").as_array()) {
    SCOPED_TRACE(Name(item.as_object()));
    HybridLogicalClock clock("local", wall);
    LwwMap map(clock);
    FillLww(map, item.at("entries"));
    for (const json::value& step : StepsOf(item)) {
      if (String(step.at("op")) == "merge") {
        map.Merge(String(step.at("key")), ReadLwwRecord(step.at("record")));
      } else {
        ASSERT_EQ(String(step.at("op")), "prune");
        map.Prune(ReadTimestamp(step.at("olderThan")).view());
      }
      EXPECT_EQ(map.tree().root_hash(), ReadHash(step.at("rootHashAfter")));
    }
    ExpectTree(map.tree(), item.at("tree"));
  }
}

TEST(MerkleVectors, OrTrees) {
  const support::ManualClock wall(1700000100000);
  for (const json::value& item : MerkleVectors().at("or").as_array()) {
    SCOPED_TRACE(Name(item.as_object()));
    HybridLogicalClock clock("local", wall);
    OrMap map(clock, OrMap::Role::kClient);
    for (const json::value& entry : item.at("entries").as_array()) {
      map.Apply(String(entry.at("key")), ReadOrRecord(entry.at("record")));
    }
    for (const std::string& tag : ReadStrings(item.at("tombstones"))) map.ApplyTombstone(tag);
    for (const json::value& step : StepsOf(item)) {
      if (String(step.at("op")) == "applyTombstone") {
        map.ApplyTombstone(support::Text(step.at("tag")));
      } else {
        ASSERT_EQ(String(step.at("op")), "apply");
        map.Apply(String(step.at("key")), ReadOrRecord(step.at("record")));
      }
      EXPECT_EQ(map.tree().root_hash(), ReadHash(step.at("rootHashAfter")));
    }
    ExpectTree(map.tree(), item.at("tree"));
  }
}

}  // namespace
}  // namespace topgun::crdt
