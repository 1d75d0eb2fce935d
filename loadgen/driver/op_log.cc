#include "driver/op_log.h"

#include <algorithm>

#include "client/reused_buffer.h"

namespace topgun::loadgen {
namespace {

// Acknowledged bytes are erased in large steps: moving the rest costs as much as it is long.
constexpr size_t kEraseBytes = size_t{256} * 1024;

// What has not left yet will leave behind everything that has.
uint64_t OrderOf(const OpLog::Entry& entry) { return entry.sent == 0 ? UINT64_MAX : entry.sent; }

}  // namespace

void OpLog::Commit(const Op& op) {
  Entry& entry = entries_.emplace_back();
  entry.op = op;
  entry.end = dropped_ + bytes_.size();
  next_id_ = op.id + 1;
}

OpLog::Entry* OpLog::Find(uint64_t id) {
  const uint64_t first = first_id();
  if (id < first || id - first >= entries_.size()) return nullptr;
  return &entries_[id - first];
}

void OpLog::MarkSent(uint64_t first, uint64_t last) {
  ++transmissions_;
  const uint64_t oldest = first_id();
  for (uint64_t id = first; id <= last; ++id) {
    Entry& entry = entries_[id - oldest];
    if (entry.sent == 0) entry.sent = transmissions_;
  }
}

bool OpLog::AllSettled(uint64_t first, uint64_t last) const {
  const uint64_t oldest = first_id();
  for (uint64_t id = std::max(first, oldest); id <= last; ++id) {
    if (id - oldest >= entries_.size() || !entries_[id - oldest].settled) return false;
  }
  return true;
}

void OpLog::DropSettled() {
  while (!entries_.empty() && entries_.front().settled) PopFront();
}

void OpLog::PopFront() {
  head_ = Offset(entries_.front().end);
  entries_.pop_front();
  const bool all = head_ == bytes_.size();
  if (!all && (head_ < kEraseBytes || head_ * 2 < bytes_.size())) return;
  if (all) {
    EmptyForReuse(bytes_);
  } else {
    bytes_.erase(0, head_);
  }
  dropped_ += head_;
  head_ = 0;
}

size_t OpLog::BeginOf(size_t index) const {
  return index == 0 ? head_ : Offset(entries_[index - 1].end);
}

std::string_view OpLog::Range(uint64_t first, size_t count) const {
  const size_t index = first - first_id();
  const size_t begin = BeginOf(index);
  return std::string_view(bytes_).substr(begin, BeginOf(index + count) - begin);
}

uint32_t OpLog::AppendUnsettled(size_t* index, size_t bytes_max, std::string& out) const {
  uint32_t count = 0;
  uint64_t order = 0;
  for (; *index < entries_.size(); ++*index) {
    const Entry& entry = entries_[*index];
    if (entry.settled) continue;
    const size_t begin = BeginOf(*index);
    const size_t size = Offset(entry.end) - begin;
    if (count > 0 && (out.size() + size > bytes_max || OrderOf(entry) < order)) break;
    order = OrderOf(entry);
    out.append(bytes_, begin, size);
    ++count;
  }
  return count;
}

}  // namespace topgun::loadgen
