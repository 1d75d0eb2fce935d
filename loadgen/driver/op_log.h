// The operations of one connection that are not acknowledged yet, encoded, oldest first: the
// client library's op log (core.md 5.2, 5.3). Ids are consecutive. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "workload/op.h"

namespace topgun::loadgen {

class OpLog {
 public:
  struct Entry {
    Op op;
    size_t end = 0;        // in bytes ever appended
    bool settled = false;  // by a `results` entry; is not sent again
  };

  // The encoder appends the bytes of one operation here; Commit() makes them an entry.
  std::string& tail() { return bytes_; }
  void Commit(const Op& op);

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  size_t bytes() const { return bytes_.size() - head_; }
  const std::deque<Entry>& entries() const { return entries_; }
  // The id of the oldest entry, or of the next one when there is none.
  uint64_t first_id() const { return empty() ? next_id_ : entries_.front().op.id; }

  // Null when it is not (or no longer) in the log.
  Entry* Find(uint64_t id);
  Entry& front() { return entries_.front(); }
  void PopFront();

  // The bytes of the newest `count` operations.
  std::string_view Newest(size_t count) const;
  // Walks the unsettled operations: appends those from entry `*index` on until `out` would exceed
  // `bytes_max` (one at least), moves the index behind them and returns how many these are.
  uint32_t AppendUnsettled(size_t* index, size_t bytes_max, std::string& out) const;

 private:
  size_t Offset(size_t end) const { return end - dropped_; }
  size_t BeginOf(size_t index) const;

  std::string bytes_;  // [head_, size) belongs to entries
  size_t head_ = 0;
  size_t dropped_ = 0;  // bytes ever erased from the front of bytes_
  uint64_t next_id_ = 1;
  std::deque<Entry> entries_;
};

}  // namespace topgun::loadgen
