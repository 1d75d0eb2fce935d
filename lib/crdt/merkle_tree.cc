#include "crdt/merkle_tree.h"

#include <algorithm>
#include <array>

#include "crdt/hash.h"
#include "hex_digits.h"
#include "merkle_leaf.h"

namespace topgun::crdt {
namespace {

// A node above the leaves. hash = sum of Mix(hash of child), kept current by Settle().
template <typename Child>
struct Node {
  uint32_t child_hash_sum = 0;
  size_t key_count = 0;
  std::array<std::unique_ptr<Child>, MerkleTree::kFanOut> children;

  uint32_t hash() const { return child_hash_sum; }
  size_t size() const { return key_count; }

  Child& Ensure(size_t digit) {
    if (children[digit] == nullptr) children[digit] = std::make_unique<Child>();
    return *children[digit];
  }
};

using Twig = Node<MerkleLeaf>;
using Branch = Node<Twig>;

// Digit `level` (0 = first) of the path of a key.
size_t DigitOf(uint32_t key_hash, size_t level) { return (key_hash >> (28 - 4 * level)) & 15U; }

// Position of a path digit, kFanOut if it is none.
size_t DigitAt(std::string_view path, size_t level) {
  return std::min(kHexDigits.find(path[level]), MerkleTree::kFanOut);
}

template <typename Child>
const Child* ChildAt(const Node<Child>* node, size_t digit) {
  return node == nullptr || digit >= MerkleTree::kFanOut ? nullptr : node->children[digit].get();
}

// Accounts in `node` for a change below `digit`, where the child's hash was `before`; frees the
// child once it is empty.
template <typename Child>
void Settle(Node<Child>& node, size_t digit, uint32_t before, size_t key_count) {
  std::unique_ptr<Child>& child = node.children[digit];
  node.child_hash_sum += Mix(child->hash()) - Mix(before);
  node.key_count = key_count;
  if (child->size() == 0) child.reset();
}

template <typename Child>
std::vector<MerkleTree::Bucket> BucketsOf(const Node<Child>* node) {
  std::vector<MerkleTree::Bucket> buckets;
  if (node == nullptr) return buckets;
  for (size_t digit = 0; digit < MerkleTree::kFanOut; ++digit) {
    const Child* child = node->children[digit].get();
    if (child != nullptr) buckets.push_back({kHexDigits[digit], child->hash()});
  }
  return buckets;
}

// A path read as a hexadecimal number.
uint16_t NumberOf(std::string_view path) {
  size_t number = 0;
  for (size_t level = 0; level < path.size(); ++level) number = number << 4 | DigitAt(path, level);
  return static_cast<uint16_t>(number);
}

template <typename Visit>
void Walk(const MerkleLeaf* leaf, uint16_t number, Visit& visit) {
  if (leaf != nullptr) visit(number, *leaf);
}

// The leaves below a node, whose own path is `number`.
template <typename Child, typename Visit>
void Walk(const Node<Child>* node, uint16_t number, Visit& visit) {
  if (node == nullptr) return;
  for (size_t digit = 0; digit < MerkleTree::kFanOut; ++digit) {
    Walk(node->children[digit].get(), static_cast<uint16_t>(number << 4 | digit), visit);
  }
}

}  // namespace

struct MerkleTree::Root : Node<Branch> {
  const Branch* BranchAt(std::string_view path) const {
    return ChildAt<Branch>(this, DigitAt(path, 0));
  }
  const Twig* TwigAt(std::string_view path) const {
    return ChildAt(BranchAt(path), DigitAt(path, 1));
  }
  const MerkleLeaf* LeafAt(std::string_view path) const {
    return ChildAt(TwigAt(path), DigitAt(path, 2));
  }
  const MerkleLeaf* LeafOf(uint32_t key_hash) const {
    const Branch* branch = ChildAt<Branch>(this, DigitOf(key_hash, 0));
    return ChildAt(ChildAt(branch, DigitOf(key_hash, 1)), DigitOf(key_hash, 2));
  }

  // Runs `change` on the leaf bucket of a key, which exists, and brings every node above up to
  // date. `change` returns how many keys more (or less) there are.
  template <typename Change>
  void ChangeLeaf(uint32_t key_hash, Change change) {
    Branch& branch = Ensure(DigitOf(key_hash, 0));
    Twig& twig = branch.Ensure(DigitOf(key_hash, 1));
    MerkleLeaf& leaf = twig.Ensure(DigitOf(key_hash, 2));
    const uint32_t branch_before = branch.hash();
    const uint32_t twig_before = twig.hash();
    const uint32_t leaf_before = leaf.hash();
    const int delta = change(leaf);
    const auto grown = [delta](size_t count) { return count + static_cast<size_t>(delta); };
    Settle(twig, DigitOf(key_hash, 2), leaf_before, grown(twig.key_count));
    Settle(branch, DigitOf(key_hash, 1), twig_before, grown(branch.key_count));
    Settle(*this, DigitOf(key_hash, 0), branch_before, grown(key_count));
  }
};

MerkleTree::MerkleTree() = default;
MerkleTree::~MerkleTree() = default;
MerkleTree::MerkleTree(MerkleTree&& other) noexcept = default;
MerkleTree& MerkleTree::operator=(MerkleTree&& other) noexcept = default;

void MerkleTree::Update(std::string_view key, uint32_t item_hash) {
  if (root_ == nullptr) root_ = std::make_unique<Root>();
  const uint32_t key_hash = HashString(key);
  root_->ChangeLeaf(key_hash,
                    [&](MerkleLeaf& leaf) { return leaf.Set(key_hash, key, item_hash) ? 1 : 0; });
}

bool MerkleTree::Remove(std::string_view key) {
  const uint32_t key_hash = HashString(key);
  const MerkleLeaf* leaf = root_ == nullptr ? nullptr : root_->LeafOf(key_hash);
  if (leaf == nullptr || !leaf->Find(key_hash, key).has_value()) return false;
  root_->ChangeLeaf(key_hash,
                    [&](MerkleLeaf& bucket) { return bucket.Erase(key_hash, key) ? -1 : 0; });
  if (root_->size() == 0) root_.reset();
  return true;
}

void MerkleTree::Clear() { root_.reset(); }

size_t MerkleTree::size() const { return root_ == nullptr ? 0 : root_->size(); }

uint32_t MerkleTree::NodeHash(std::string_view path) const {
  if (root_ == nullptr || path.size() > kDepth) return 0;
  const auto hash_of = [](const auto* node) { return node == nullptr ? 0 : node->hash(); };
  switch (path.size()) {
    case 0:
      return root_->hash();
    case 1:
      return hash_of(root_->BranchAt(path));
    case 2:
      return hash_of(root_->TwigAt(path));
    default:
      return hash_of(root_->LeafAt(path));
  }
}

std::optional<uint32_t> MerkleTree::ItemHash(std::string_view key) const {
  const uint32_t key_hash = HashString(key);
  const MerkleLeaf* leaf = root_ == nullptr ? nullptr : root_->LeafOf(key_hash);
  if (leaf == nullptr) return std::nullopt;
  return leaf->Find(key_hash, key);
}

std::vector<MerkleTree::Bucket> MerkleTree::Children(std::string_view path) const {
  if (root_ == nullptr) return {};
  switch (path.size()) {
    case 0:
      return BucketsOf<Branch>(root_.get());
    case 1:
      return BucketsOf(root_->BranchAt(path));
    case 2:
      return BucketsOf(root_->TwigAt(path));
    default:
      return {};
  }
}

template <typename Visit>
void MerkleTree::VisitLeaves(std::string_view path, Visit visit) const {
  if (root_ == nullptr || !IsMerklePath(path)) return;
  const auto number = NumberOf(path);
  switch (path.size()) {
    case 0:
      return Walk<Branch>(root_.get(), number, visit);
    case 1:
      return Walk(root_->BranchAt(path), number, visit);
    case 2:
      return Walk(root_->TwigAt(path), number, visit);
    default:
      return Walk(root_->LeafAt(path), number, visit);
  }
}

std::vector<MerkleTree::Leaf> MerkleTree::Leaves(std::string_view path) const {
  std::vector<Leaf> leaves;
  VisitLeaves(path, [&](uint16_t number, const MerkleLeaf& leaf) {
    leaves.push_back({number, leaf.hash()});
  });
  return leaves;
}

std::vector<MerkleTree::Item> MerkleTree::Items(std::string_view path) const {
  std::vector<Item> items;
  VisitLeaves(path, [&](uint16_t /*number*/, const MerkleLeaf& leaf) {
    for (size_t i = 0; i < leaf.size(); ++i) items.push_back({leaf.key(i), leaf.item_hash(i)});
  });
  return items;
}

std::string MerklePath(std::string_view key) {
  const uint32_t key_hash = HashString(key);
  std::string path;
  for (size_t level = 0; level < MerkleTree::kDepth; ++level) {
    path.push_back(kHexDigits[DigitOf(key_hash, level)]);
  }
  return path;
}

bool IsMerklePath(std::string_view path) {
  return path.size() <= MerkleTree::kDepth &&
         path.find_first_not_of(kHexDigits) == std::string_view::npos;
}

namespace {

// Keys of `from` in one leaf bucket that `other` holds with another hash. Keys that both hold are
// reported by the first of the two calls only.
void AppendDifferingItems(const MerkleTree& from, const MerkleTree& other, std::string_view path,
                          bool only_missing, std::vector<std::string>* keys) {
  for (const MerkleTree::Item& item : from.Items(path)) {
    const std::optional<uint32_t> hash = other.ItemHash(item.key);
    if (only_missing && hash.has_value()) continue;
    if (hash.value_or(0) != item.hash) keys->emplace_back(item.key);
  }
}

void AppendDifferingKeys(const MerkleTree& a, const MerkleTree& b, const std::string& path,
                         std::vector<std::string>* keys) {
  if (a.NodeHash(path) == b.NodeHash(path)) return;
  if (path.size() == MerkleTree::kDepth) {
    AppendDifferingItems(a, b, path, false, keys);
    AppendDifferingItems(b, a, path, true, keys);
    return;
  }
  for (const char digit : kHexDigits) AppendDifferingKeys(a, b, path + digit, keys);
}

}  // namespace

std::vector<std::string> DifferingKeys(const MerkleTree& a, const MerkleTree& b) {
  std::vector<std::string> keys;
  AppendDifferingKeys(a, b, "", &keys);
  return keys;
}

}  // namespace topgun::crdt
