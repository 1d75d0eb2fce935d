// The operations of one connection that are not acknowledged yet, encoded, oldest first: the
// client library's op log (core.md 5.2, 5.3). Ids are consecutive. Not thread-safe.
//
// An acknowledgement of id N covers the ids up to N that the server had received when it handled N.
// Frames need not leave in the order of their ids, so the log remembers in which order they did:
// whatever left first after N did is not covered, however small its id.
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
    uint64_t sent = 0;     // number of the transmission that was its first; 0: none yet
    bool settled = false;  // and therefore not sent again
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
  // The operations with these ids, both included and in the log, leave in one frame.
  void MarkSent(uint64_t first, uint64_t last);
  // Whether these are settled or no longer in the log.
  bool AllSettled(uint64_t first, uint64_t last) const;

  // Calls `settle(entry)` for every unsettled operation that an acknowledgement of `last_id`
  // covers, in the order of their ids; it sets `settled`. An id that is not in the log stands for
  // all that is smaller and was sent.
  template <typename Settle>
  void Acknowledge(uint64_t last_id, Settle settle);
  // Forgets what is settled and has nothing unsettled before it.
  void DropSettled();

  // The bytes of so many operations in a row, which are all in the log.
  std::string_view Range(uint64_t first, size_t count) const;
  // Walks the unsettled operations: appends those from entry `*index` on until `out` would exceed
  // `bytes_max` (one at least), moves the index behind them and returns how many these are. Ends
  // before one that left earlier than the one in front of it, too: the acknowledgement of the last
  // operation of a frame must cover all of it.
  uint32_t AppendUnsettled(size_t* index, size_t bytes_max, std::string& out) const;

 private:
  void PopFront();
  size_t Offset(size_t end) const { return end - dropped_; }
  size_t BeginOf(size_t index) const;

  std::string bytes_;  // [head_, size) belongs to entries
  size_t head_ = 0;
  size_t dropped_ = 0;  // bytes ever erased from the front of bytes_
  uint64_t next_id_ = 1;
  uint64_t transmissions_ = 0;
  std::deque<Entry> entries_;
};

template <typename Settle>
void OpLog::Acknowledge(uint64_t last_id, Settle settle) {
  const Entry* const last = Find(last_id);
  const uint64_t sent = last == nullptr ? UINT64_MAX : last->sent;
  for (Entry& entry : entries_) {
    if (entry.op.id > last_id) break;
    if (!entry.settled && entry.sent != 0 && entry.sent <= sent) settle(entry);
  }
}

}  // namespace topgun::loadgen
