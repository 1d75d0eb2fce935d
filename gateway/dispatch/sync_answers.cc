#include "dispatch/sync_answers.h"

#include "crdt/merkle_tree.h"
#include "state/cell.h"
#include "wire/server_encode.h"

namespace topgun::gateway {
namespace {

using state::CellKind;

constexpr std::string_view kPathDigits = "0123456789abcdef";
constexpr std::string_view kResetReason = "removals since your last sync are no longer known";

wire::LwwEntry EntryOf(const TreeAnswer::Cell& cell, const state::CellView& view) {
  return {.key = cell.key,
          .record = {.value = view.value,
                     .timestamp = view.timestamp,
                     .has_ttl = view.has_ttl,
                     .ttl_ms = view.ttl_ms}};
}

// Cells of one key stand together.
void AddOrCells(std::span<const TreeAnswer::Cell> cells, wire::OrEntries& entries) {
  const std::string_view* key = nullptr;
  for (const TreeAnswer::Cell& cell : cells) {
    state::CellView view;
    if (!state::DecodeCell(cell.cell, &view)) continue;
    if (key == nullptr || *key != cell.key) entries.AddKey(cell.key);
    key = &cell.key;
    if (view.tombstone) {
      entries.AddTombstone(cell.tag);
    } else {
      entries.AddRecord({.value = view.value,
                         .timestamp = view.timestamp,
                         .tag = cell.tag,
                         .has_ttl = view.has_ttl,
                         .ttl_ms = view.ttl_ms});
    }
  }
}

// The cells of one key among those of its bucket.
std::span<const TreeAnswer::Cell> CellsOf(const TreeAnswer::Node& node, std::string_view key) {
  size_t first = 0;
  while (first < node.cells.size() && node.cells[first].key != key) ++first;
  size_t last = first;
  while (last < node.cells.size() && node.cells[last].key == key) ++last;
  return std::span(node.cells).subspan(first, last - first);
}

}  // namespace

DigitMask ReportedDigits(std::span<const wire::BucketHash> buckets) {
  DigitMask mask = 0;
  for (const wire::BucketHash& bucket : buckets) {
    const size_t digit = kPathDigits.find(bucket.digit);
    const bool counts = bucket.digit.size() == 1 && digit != std::string_view::npos;
    if (counts && bucket.hash != 0) mask = static_cast<DigitMask>(mask | 1U << digit);
  }
  return mask;
}

std::vector<TreeAnswer::Child> ChildrenToList(const TreeAnswer::Node& node, std::string_view path,
                                              DigitMask reported) {
  std::vector<TreeAnswer::Child> children = node.children;
  if (path.size() > 1) return children;
  if (path.size() == 1) {
    if (!children.empty()) return children;
    const size_t digit = kPathDigits.find(path[0]);
    if (digit == std::string_view::npos || (reported >> digit & 1) == 0) return children;
    reported = UINT16_MAX;
  }
  for (const TreeAnswer::Child& child : node.children) {
    const size_t digit = kPathDigits.find(child.digit);
    if (digit != std::string_view::npos) {
      reported = static_cast<DigitMask>(reported & ~(1U << digit));
    }
  }
  for (size_t digit = 0; digit < kPathDigits.size(); ++digit) {
    if ((reported >> digit & 1) != 0) children.push_back({.digit = kPathDigits[digit], .hash = 0});
  }
  return children;
}

std::string RootFrame(CellKind kind, std::string_view map, uint32_t hash,
                      const crdt::TimestampView& now, bool full_resync) {
  wire::SyncRootFrame root{
      .map = map, .root_hash = hash, .timestamp = now, .covering_epoch = {}, .full_resync = {}};
  std::string frame;
  if (kind == CellKind::kLww) {
    wire::EncodeSyncRespRoot(root, frame);
  } else {
    if (full_resync) root.full_resync = true;
    wire::EncodeOrMapSyncRespRoot(root, frame);
  }
  return frame;
}

std::string BucketsFrame(CellKind kind, std::string_view map, std::string_view path,
                         std::span<const TreeAnswer::Child> children) {
  wire::SyncBucketsFrame buckets{.map = map, .path = path, .buckets = {}};
  for (const TreeAnswer::Child& child : children) {
    buckets.buckets.push_back({.digit = {&child.digit, 1}, .hash = child.hash});
  }
  std::string frame;
  if (kind == CellKind::kLww) {
    wire::EncodeSyncRespBuckets(buckets, frame);
  } else {
    wire::EncodeOrMapSyncRespBuckets(buckets, frame);
  }
  return frame;
}

std::string LeafFrame(CellKind kind, std::string_view map, std::string_view path,
                      std::span<const TreeAnswer::Cell> cells) {
  std::string frame;
  if (kind == CellKind::kLww) {
    wire::SyncLeafFrame leaf{.map = map, .path = path, .records = {}};
    for (const TreeAnswer::Cell& cell : cells) {
      state::CellView view;
      if (state::DecodeCell(cell.cell, &view)) leaf.records.push_back(EntryOf(cell, view));
    }
    wire::EncodeSyncRespLeaf(leaf, frame);
  } else {
    wire::OrMapLeafFrame leaf{.map = map, .path = path, .entries = {}, .covering_epoch = {}};
    AddOrCells(cells, leaf.entries);
    wire::EncodeOrMapSyncRespLeaf(leaf, frame);
  }
  return frame;
}

std::string NothingAt(CellKind kind, std::string_view map, std::string_view path) {
  if (path.size() >= crdt::MerkleTree::kDepth) return LeafFrame(kind, map, path, {});
  return BucketsFrame(kind, map, path, {});
}

std::string DiffFrame(std::string_view map, std::span<const std::string> keys,
                      std::span<const TreeAnswer::Node* const> nodes) {
  wire::OrMapLeafFrame diff{.map = map, .path = {}, .entries = {}, .covering_epoch = {}};
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::span<const TreeAnswer::Cell> cells = CellsOf(*nodes[i], keys[i]);
    if (cells.empty()) diff.entries.AddKey(keys[i]);
    AddOrCells(cells, diff.entries);
  }
  std::string frame;
  wire::EncodeOrMapDiffResponse(diff, frame);
  return frame;
}

std::string ResetFrame(std::string_view map) {
  std::string frame;
  wire::EncodeSyncResetRequired({.map = map, .reason = kResetReason}, frame);
  return frame;
}

}  // namespace topgun::gateway
