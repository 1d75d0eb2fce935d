#include "merkle_walk.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace topgun::ctl {
namespace {

struct Pair {
  std::vector<TreeNode> left;
  std::vector<TreeNode> right;
};

StatusOr<Pair> ReadBoth(const ReadNodes& left, const ReadNodes& right,
                        const std::vector<std::string>& paths, bool records) {
  Pair nodes;
  ASSIGN_OR_RETURN(nodes.left, left(paths, records));
  ASSIGN_OR_RETURN(nodes.right, right(paths, records));
  if (nodes.left.size() != paths.size() || nodes.right.size() != paths.size()) {
    return Unavailable("one of the two answered for other nodes than it was asked for");
  }
  return nodes;
}

std::vector<std::string> Take(std::vector<std::string>& paths, size_t count) {
  const auto end = paths.begin() + static_cast<std::ptrdiff_t>(std::min(paths.size(), count));
  std::vector<std::string> taken(paths.begin(), end);
  paths.erase(paths.begin(), end);
  return taken;
}

void AddDifferingChildren(const std::string& path, const TreeNode& left, const TreeNode& right,
                          std::vector<std::string>& out) {
  std::set<char> digits;
  for (const auto& [digit, hash] : left.children) digits.insert(digit);
  for (const auto& [digit, hash] : right.children) digits.insert(digit);
  for (const char digit : digits) {
    const auto a = left.children.find(digit);
    const auto b = right.children.find(digit);
    const bool equal =
        a != left.children.end() && b != right.children.end() && a->second == b->second;
    if (!equal) out.push_back(path + digit);
  }
}

void AddDifferingKeys(const TreeNode& left, const TreeNode& right,
                      std::vector<KeyDifference>& out) {
  std::map<std::string, KeyDifference> keys;
  for (const auto& [key, text] : left.records) keys[key] = {key, text, {}};
  for (const auto& [key, text] : right.records) {
    KeyDifference& difference = keys[key];
    difference.key = key;
    difference.right = text;
  }
  for (auto& [key, difference] : keys) {
    if (difference.left != difference.right) out.push_back(std::move(difference));
  }
}

}  // namespace

std::string RecordText(int64_t millis, int64_t counter, const std::string& node, bool removed) {
  return std::to_string(millis) + "." + std::to_string(counter) + " " + node +
         (removed ? " removed" : "");
}

StatusOr<MerkleDifference> CompareTrees(const ReadNodes& left, const ReadNodes& right) {
  MerkleDifference difference;
  std::vector<std::string> level = {""};
  for (size_t depth = 0; depth < kMerkleDepth && !level.empty(); ++depth) {
    std::vector<std::string> below;
    while (!level.empty()) {
      const std::vector<std::string> paths = Take(level, kNodesAtOnce);
      ASSIGN_OR_RETURN(const Pair nodes, ReadBoth(left, right, paths, false));
      if (depth == 0) {
        difference.left_root = nodes.left.front().hash;
        difference.right_root = nodes.right.front().hash;
      }
      for (size_t i = 0; i < paths.size(); ++i) {
        if (nodes.left[i].hash == nodes.right[i].hash) continue;
        AddDifferingChildren(paths[i], nodes.left[i], nodes.right[i], below);
      }
    }
    level = std::move(below);
  }
  difference.leaves = level.size();
  while (!level.empty()) {
    const std::vector<std::string> paths = Take(level, kLeavesAtOnce);
    ASSIGN_OR_RETURN(const Pair nodes, ReadBoth(left, right, paths, true));
    for (size_t i = 0; i < paths.size(); ++i) {
      AddDifferingKeys(nodes.left[i], nodes.right[i], difference.keys);
    }
  }
  return difference;
}

std::vector<KeyDifference> Lasting(const std::vector<KeyDifference>& before,
                                   const std::vector<KeyDifference>& after) {
  std::map<std::string_view, const KeyDifference*> known;
  for (const KeyDifference& one : before) known[one.key] = &one;
  std::vector<KeyDifference> lasting;
  for (const KeyDifference& one : after) {
    const auto found = known.find(one.key);
    if (found != known.end() && *found->second == one) lasting.push_back(one);
  }
  return lasting;
}

}  // namespace topgun::ctl
