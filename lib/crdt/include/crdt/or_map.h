// Observed-remove map with its Merkle tree: the reference merge (core.md 4.2, 7.3, 7.6).
//
// Tombstones are a set of tags for the whole map. The two roles differ in what a tombstone means
// for keys:
//  * kClient is the TypeScript client, to the letter: keys without records are absent from the
//    tree, and MergeKey drops dead records of the merged key only (others are just hidden).
//  * kServer knows the key of every tombstone it can attribute, drops a record wherever it is, and
//    keeps keys with tombstones only in the tree, with item hash 0, so that clients can ask.
//
// The clock is borrowed, must outlive the map and should not be strict (crdt/lww_map.h). Item
// hashes are computed when the tree is read, once per key changed since. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/status.h"
#include "crdt/hybrid_logical_clock.h"
#include "crdt/merge.h"
#include "crdt/merkle_tree.h"
#include "crdt/string_map.h"
#include "crdt/timestamp.h"

namespace topgun::crdt {

struct OrRecord {
  std::string value;  // MessagePack
  Timestamp timestamp;
  std::string tag;
  std::optional<double> ttl_ms;

  friend bool operator==(const OrRecord&, const OrRecord&) = default;
};

class OrMap {
 public:
  enum class Role : uint8_t { kClient, kServer };

  struct MergeCounts {
    size_t added = 0;
    size_t updated = 0;
  };

  OrMap(HybridLogicalClock& clock, Role role) : clock_(clock), role_(role) {}
  OrMap(const OrMap&) = delete;
  OrMap& operator=(const OrMap&) = delete;

  // Local writes. Add tags the record with the text of its timestamp; InvalidArgument for a TTL
  // that is not finite and above 0. RemoveValue kills every record of the key whose value is the
  // same scalar (or the same bytes) and returns their tags.
  StatusOr<OrRecord> Add(std::string_view key, std::string value,
                         std::optional<double> ttl_ms = std::nullopt);
  std::vector<std::string> RemoveValue(std::string_view key, std::string_view value);

  // One record from elsewhere, stored under its tag whatever its timestamp. False if the tag is
  // dead.
  bool Apply(std::string_view key, OrRecord record);
  // One tombstone from elsewhere; `key` is where the sender says the tag belongs.
  void ApplyTombstone(std::string_view tag, std::optional<std::string_view> key = std::nullopt);

  // State of one key from another replica. Tombstones may be those of the whole map.
  MergeCounts MergeKey(std::string_view key, std::span<const OrRecord> records,
                       std::span<const std::string> tombstones);
  // All of another map; records under a tag that is known here are left as they are.
  void MergeMap(const OrMap& other);

  // Forgets tombstones whose tag is the text of a timestamp older than the limit; returns them.
  std::vector<std::string> Prune(const TimestampView& older_than);
  void Clear();

  // Stored records of a key in order of insertion; empty if there are none.
  std::span<const OrRecord> RecordsOf(std::string_view key) const;
  // Those a reader sees: neither dead nor expired.
  std::vector<const OrRecord*> VisibleRecords(std::string_view key, int64_t now_ms) const;
  // Tombstones known to belong to a key (kServer only; empty otherwise).
  std::vector<std::string> TombstonesOf(std::string_view key) const;
  bool IsTombstone(std::string_view tag) const { return tombstones_.contains(tag); }

  const StringMap<std::vector<OrRecord>>& records() const { return records_; }
  std::vector<std::string> tombstones() const;  // of the map, sorted
  const MerkleTree& tree();

 private:
  using Records = std::vector<OrRecord>;

  Records& Ensure(std::string_view key);
  void Insert(std::string_view key, Records& records, OrRecord record);
  // Removes the records for which `dead` holds, and the key when none is left.
  template <typename Predicate>
  void EraseRecords(std::string_view key, Predicate dead);
  void AddTombstone(std::string_view tag, std::optional<std::string_view> key);
  void Attribute(std::string_view tag, std::string_view key);
  void KillRecord(std::string_view tag);
  void Touch(std::string_view key);
  void RefreshItem(const std::string& key);

  HybridLogicalClock& clock_;
  Role role_;
  StringMap<Records> records_;
  std::unordered_multimap<std::string, std::string> keys_by_tag_;  // of stored records
  StringMap<std::optional<std::string>> tombstones_;               // tag -> its key, if known
  StringMap<std::set<std::string>> tombstones_by_key_;             // kServer
  std::unordered_set<std::string> dirty_;                          // keys to hash again
  MerkleTree tree_;
};

}  // namespace topgun::crdt
