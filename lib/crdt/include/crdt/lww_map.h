// Last-writer-wins map with its Merkle tree: the reference merge (core.md 4.1, 7.3).
//
// A record stays stored after its TTL and after removal (tombstone); only Prune drops anything.
// The clock is borrowed and must outlive the map; it should not be strict, because refusing
// drifting timestamps is the caller's decision and Merge takes what it is given. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "crdt/hybrid_logical_clock.h"
#include "crdt/merge.h"
#include "crdt/merkle_tree.h"
#include "crdt/string_map.h"
#include "crdt/timestamp.h"

namespace topgun::crdt {

struct LwwRecord {
  std::string value;  // MessagePack; empty in a tombstone
  Timestamp timestamp;
  std::optional<double> ttl_ms;
  bool tombstone = false;

  friend bool operator==(const LwwRecord&, const LwwRecord&) = default;
};

// Neither removed nor expired.
bool IsVisible(const LwwRecord& record, int64_t now_ms);

class LwwMap {
 public:
  explicit LwwMap(HybridLogicalClock& clock) : clock_(clock) {}
  LwwMap(const LwwMap&) = delete;
  LwwMap& operator=(const LwwMap&) = delete;

  // Takes in another replica's record and advances the clock, also when the record loses.
  MergeOutcome Merge(std::string_view key, LwwRecord record);

  // Local writes, stamped by the clock. The returned record is valid until the next change.
  // InvalidArgument when the TTL is not finite and above 0; the clock has ticked all the same, as
  // the client's does.
  StatusOr<const LwwRecord*> Set(std::string_view key, std::string value,
                                 std::optional<double> ttl_ms = std::nullopt);
  const LwwRecord& Remove(std::string_view key);

  // What the client does with its own write coming back re-stamped: takes the older timestamp if
  // the value is the same. False if nothing changed.
  bool AdoptEcho(std::string_view key, const LwwRecord& echo);

  // Drops tombstones strictly older than the limit and returns their keys.
  std::vector<std::string> Prune(const TimestampView& older_than);
  void Clear();

  // The stored record, tombstones and expired ones included; null if there is none.
  const LwwRecord* Find(std::string_view key) const;
  const StringMap<LwwRecord>& records() const { return records_; }
  const MerkleTree& tree() const { return tree_; }

 private:
  const LwwRecord& Store(std::string_view key, LwwRecord record);

  HybridLogicalClock& clock_;
  StringMap<LwwRecord> records_;
  MerkleTree tree_;
};

}  // namespace topgun::crdt
