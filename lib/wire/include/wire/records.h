// The records of both map types as they travel in frames (core.md 4). They borrow; values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "crdt/hash.h"
#include "crdt/timestamp.h"

namespace topgun::wire {

// An OR record is a crdt::OrRecordView.
struct LwwRecordView {
  std::string_view value;  // MessagePack; empty for a tombstone (nil on the wire)
  crdt::TimestampView timestamp;
  bool has_ttl = false;
  double ttl_ms = 0;
};

struct LwwEntry {
  std::string_view key;
  LwwRecordView record;
};

// Records and tombstones of several keys, in flat vectors that keep their capacity between
// frames: entry i owns the records and tombstones up to its ends, from the ends of entry i-1.
class OrEntries {
 public:
  void Clear();
  // The records and tombstones added from now on belong to this key.
  void AddKey(std::string_view key);
  void AddRecord(const crdt::OrRecordView& record);
  void AddTombstone(std::string_view tag);

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  std::string_view key(size_t index) const { return entries_[index].key; }
  std::span<const crdt::OrRecordView> records(size_t index) const;
  std::span<const std::string_view> tombstones(size_t index) const;

 private:
  struct Entry {
    std::string_view key;
    size_t records_end = 0;
    size_t tombstones_end = 0;
  };

  std::vector<Entry> entries_;
  std::vector<crdt::OrRecordView> records_;
  std::vector<std::string_view> tombstones_;
};

// One child of a Merkle node: a lowercase hex digit and its hash (core.md 7.2).
struct BucketHash {
  std::string_view digit;
  uint32_t hash = 0;
};

}  // namespace topgun::wire
