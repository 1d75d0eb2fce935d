// Compares a map's Merkle tree as two gateways or sync services read it (core.md 7.2): equal hashes
// end a branch, so the cost follows the difference. What the readers say is all that is known of
// the trees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::ctl {

struct TreeNode {
  int64_t hash = 0;
  std::map<char, int64_t> children;  // by digit; those with hash 0 are left out
  // By key, with the tag behind a slash in OR maps: timestamp and whether it is removed, as text.
  std::map<std::string, std::string> records;
};

// Reads nodes, in the order of the paths: with `records` the records below leaves, else children.
using ReadNodes = std::function<StatusOr<std::vector<TreeNode>>(
    const std::vector<std::string>& paths, bool records)>;

// "1700000000000.3 node-1", with "removed" behind it.
std::string RecordText(int64_t millis, int64_t counter, const std::string& node, bool removed);

struct KeyDifference {
  std::string key;
  std::string left;   // empty: not there
  std::string right;  // empty: not there

  friend bool operator==(const KeyDifference&, const KeyDifference&) = default;
};

struct MerkleDifference {
  int64_t left_root = 0;
  int64_t right_root = 0;
  std::vector<KeyDifference> keys;  // ascending by leaf
  size_t leaves = 0;                // that differ
};

inline constexpr size_t kMerkleDepth = 3;
inline constexpr size_t kNodesAtOnce = 256;
inline constexpr size_t kLeavesAtOnce = 16;

StatusOr<MerkleDifference> CompareTrees(const ReadNodes& left, const ReadNodes& right);

// The keys that are in both and differ in the same way: what was written in between is gone.
std::vector<KeyDifference> Lasting(const std::vector<KeyDifference>& before,
                                   const std::vector<KeyDifference>& after);

}  // namespace topgun::ctl
