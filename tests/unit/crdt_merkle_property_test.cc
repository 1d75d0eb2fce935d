#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "crdt/hash.h"
#include "crdt/merkle_sums.h"
#include "crdt/merkle_tree.h"
#include "support/random.h"

namespace topgun::crdt {
namespace {

using Model = std::map<std::string, uint32_t>;

constexpr std::string_view kHexDigits = "0123456789abcdef";

// Node hash by the definition in core.md 7.2, from scratch.
uint32_t HashByDefinition(const Model& model, const std::string& path) {
  std::vector<uint32_t> hashes;
  if (path.size() == MerkleTree::kDepth) {
    for (const auto& [key, hash] : model) {
      if (MerklePath(key) == path) hashes.push_back(hash);
    }
  } else {
    for (const char digit : kHexDigits) hashes.push_back(HashByDefinition(model, path + digit));
  }
  return Combine(hashes);
}

uint32_t RandomHash(support::Random& random) {
  return random.OneIn(8) ? 0 : static_cast<uint32_t>(random.Next());
}

// A small set of names, so that keys are updated and removed and buckets shared.
std::string RandomKey(support::Random& random) { return "k" + std::to_string(random.Below(3000)); }

void Change(support::Random& random, MerkleTree& tree, Model& model) {
  const std::string key = RandomKey(random);
  if (random.OneIn(4)) {
    ASSERT_EQ(tree.Remove(key), model.erase(key) == 1);
  } else {
    const uint32_t hash = RandomHash(random);
    tree.Update(key, hash);
    model[key] = hash;
  }
}

Model ContentOf(const MerkleTree& tree, const std::string& path = "") {
  Model content;
  if (path.size() == MerkleTree::kDepth) {
    for (const MerkleTree::Item& item : tree.Items(path)) {
      EXPECT_EQ(MerklePath(item.key), path);
      content.emplace(item.key, item.hash);
    }
    EXPECT_FALSE(content.empty());  // empty buckets are not listed
    return content;
  }
  for (const MerkleTree::Bucket& bucket : tree.Children(path)) {
    EXPECT_EQ(bucket.hash, tree.NodeHash(path + bucket.digit));
    content.merge(ContentOf(tree, path + bucket.digit));
  }
  return content;
}

TEST(MerkleTree, HoldsWhatTheModelHolds) {
  support::Random random(support::TestSeed());
  MerkleTree tree;
  Model model;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 500; ++i) Change(random, tree, model);
    ASSERT_EQ(tree.size(), model.size());
    ASSERT_EQ(ContentOf(tree), model);
    for (int i = 0; i < 50; ++i) {
      const std::string key = RandomKey(random);
      const auto found = model.find(key);
      const std::optional<uint32_t> expected =
          found == model.end() ? std::nullopt : std::optional<uint32_t>(found->second);
      ASSERT_EQ(tree.ItemHash(key), expected);
    }
  }
}

TEST(MerkleTree, HashesFollowTheDefinition) {
  support::Random random(support::TestSeed());
  MerkleTree tree;
  Model model;
  for (int i = 0; i < 60; ++i) Change(random, tree, model);
  for (const char first : kHexDigits) {
    const std::string path(1, first);
    ASSERT_EQ(tree.NodeHash(path), HashByDefinition(model, path));
  }
  ASSERT_EQ(tree.root_hash(), HashByDefinition(model, ""));
}

TEST(MerkleTree, OrderOfChangesLeavesNoTrace) {
  support::Random random(support::TestSeed());
  MerkleTree tree;
  Model model;
  for (int i = 0; i < 5000; ++i) Change(random, tree, model);
  std::vector<std::string> keys;
  for (const auto& [key, hash] : model) keys.push_back(key);
  random.Shuffle(keys);
  MerkleTree rebuilt;
  for (const std::string& key : keys) rebuilt.Update(key, model[key]);
  EXPECT_EQ(rebuilt.root_hash(), tree.root_hash());
  EXPECT_EQ(ContentOf(rebuilt), ContentOf(tree));

  random.Shuffle(keys);
  for (const std::string& key : keys) ASSERT_TRUE(tree.Remove(key));
  EXPECT_EQ(tree.size(), 0U);
  EXPECT_EQ(tree.root_hash(), 0U);
  EXPECT_TRUE(tree.Children("").empty());
}

TEST(MerkleTree, DiffFindsExactlyTheChangedKeys) {
  support::Random random(support::TestSeed());
  for (int round = 0; round < 30; ++round) {
    MerkleTree ours;
    MerkleTree theirs;
    Model our_model;
    Model their_model;
    for (uint64_t i = random.Below(2000); i > 0; --i) {
      const std::string key = RandomKey(random);
      our_model[key] = their_model[key] = RandomHash(random);
    }
    for (const auto& [key, hash] : our_model) ours.Update(key, hash);
    for (const auto& [key, hash] : their_model) theirs.Update(key, hash);
    for (uint64_t i = random.Below(50); i > 0; --i) {
      Change(random, ours, our_model);
      Change(random, theirs, their_model);
    }

    std::set<std::string> expected;
    Model all = our_model;
    all.insert(their_model.begin(), their_model.end());
    const auto hash_in = [](const Model& model, const std::string& key) {
      const auto found = model.find(key);
      return found == model.end() ? 0U : found->second;
    };
    for (const auto& [key, hash] : all) {
      if (hash_in(our_model, key) != hash_in(their_model, key)) expected.insert(key);
    }
    const std::vector<std::string> differing = DifferingKeys(ours, theirs);
    ASSERT_EQ(std::set<std::string>(differing.begin(), differing.end()), expected);
    ASSERT_EQ(differing.size(), expected.size());
    ASSERT_EQ(DifferingKeys(theirs, ours).size(), expected.size());
  }
}

TEST(MerkleTree, ListsKeysWithHashZero) {
  MerkleTree tree;
  tree.Update("key1", 0);  // path 374
  EXPECT_EQ(tree.root_hash(), 0U);
  EXPECT_EQ(tree.Children(""), (std::vector<MerkleTree::Bucket>{{'3', 0}}));
  EXPECT_EQ(tree.Children("37"), (std::vector<MerkleTree::Bucket>{{'4', 0}}));
  EXPECT_EQ(tree.Items("374"), (std::vector<MerkleTree::Item>{{"key1", 0}}));
}

TEST(MerkleTree, ListsWhatIsBelowANode) {
  support::Random random(support::TestSeed());
  MerkleTree tree;
  Model model;
  for (int i = 0; i < 500; ++i) Change(random, tree, model);
  for (const std::string& path : std::vector<std::string>{"", "3", "37", "374", "d", "d1"}) {
    Model below;
    for (const MerkleTree::Item& item : tree.Items(path)) below.emplace(item.key, item.hash);
    Model expected;
    std::map<uint16_t, uint32_t> leaves;
    for (const auto& [key, hash] : model) {
      const std::string leaf = MerklePath(key);
      if (!leaf.starts_with(path)) continue;
      expected.emplace(key, hash);
      leaves[static_cast<uint16_t>(std::stoi(leaf, nullptr, 16))] = tree.NodeHash(leaf);
    }
    EXPECT_EQ(below, expected) << path;
    std::map<uint16_t, uint32_t> found;
    for (const MerkleTree::Leaf& leaf : tree.Leaves(path)) found.emplace(leaf.number, leaf.hash);
    EXPECT_EQ(found, leaves) << path;
  }
}

TEST(MerkleSums, PartsAddUpToTheWholeTree) {
  support::Random random(support::TestSeed());
  MerkleTree whole;
  MerkleTree parts[3];
  for (int i = 0; i < 3000; ++i) {
    const std::string key = RandomKey(random);
    const uint32_t hash = RandomHash(random);
    whole.Update(key, hash);
    parts[std::hash<std::string>()(key) % 3].Update(key, hash);
  }
  MerkleSums sums;
  for (const MerkleTree& part : parts) {
    MerkleSums taken;
    for (const std::string_view path : {"3", "", "374"}) taken.Take(part, path);
    sums.Add(taken);
  }
  sums.Fold();
  for (const char first : kHexDigits) {
    for (const char second : kHexDigits) {
      for (const std::string& deeper : {std::string(), std::string(1, first), {first, second}}) {
        ASSERT_EQ(sums.NodeHash(deeper), whole.NodeHash(deeper)) << deeper;
        ASSERT_EQ(sums.Children(deeper), whole.Children(deeper)) << deeper;
      }
    }
  }
  EXPECT_EQ(sums.NodeHash("374"), whole.NodeHash("374"));
  EXPECT_TRUE(sums.Children("374").empty());
  EXPECT_EQ(sums.NodeHash("g"), 0U);
}

TEST(MerkleSums, KeysWithHashZeroArePresent) {
  MerkleTree tree;
  tree.Update("key1", 0);  // path 374
  MerkleSums sums;
  sums.Take(tree, "37");
  sums.Fold();
  EXPECT_EQ(sums.Children(""), (std::vector<MerkleTree::Bucket>{{'3', 0}}));
  EXPECT_EQ(sums.Children("37"), (std::vector<MerkleTree::Bucket>{{'4', 0}}));
  EXPECT_TRUE(sums.Children("1").empty());
}

TEST(MerkleTree, BadPathsAreEmpty) {
  MerkleTree tree;
  tree.Update("key1", 7);
  for (const std::string_view path : {"g", "3g", "37G", "3748", "a", "371", "\xff", "374/"}) {
    EXPECT_EQ(tree.NodeHash(path), 0U) << path;
    EXPECT_TRUE(tree.Children(path).empty()) << path;
    EXPECT_TRUE(tree.Items(path).empty()) << path;
    EXPECT_TRUE(tree.Leaves(path).empty()) << path;
  }
  EXPECT_TRUE(tree.Children("374").empty());
  EXPECT_TRUE(IsMerklePath(""));
  EXPECT_TRUE(IsMerklePath("0af"));
  EXPECT_FALSE(IsMerklePath("0AF"));
  EXPECT_FALSE(IsMerklePath("0123"));
}

TEST(MerkleTree, MovesAndClears) {
  MerkleTree tree;
  tree.Update("key1", 7);
  MerkleTree moved = std::move(tree);
  EXPECT_EQ(moved.size(), 1U);
  moved.Clear();
  EXPECT_EQ(moved.size(), 0U);
  EXPECT_EQ(moved.root_hash(), 0U);
  EXPECT_FALSE(moved.Remove("key1"));
}

}  // namespace
}  // namespace topgun::crdt
