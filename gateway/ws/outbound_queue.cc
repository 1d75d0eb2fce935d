#include "ws/outbound_queue.h"

#include <utility>

namespace topgun::gateway {
namespace {

// What an entry costs beside its bytes, so that many tiny frames count as well.
constexpr size_t kEntryBytes = 64;

}  // namespace

std::string_view Name(Backlog backlog) {
  switch (backlog) {
    case Backlog::kNone:
      return "none";
    case Backlog::kCoalescing:
      return "coalescing";
    case Backlog::kSlow:
      return "slow";
  }
  return "";
}

Backlog OutboundQueue::backlog() const {
  if (RepliesFull() || push_bytes_ > limits_.push_bytes_max / 2) return Backlog::kSlow;
  return bytes() >= limits_.coalesce_bytes_min ? Backlog::kCoalescing : Backlog::kNone;
}

void OutboundQueue::Reply(std::string frame) {
  reply_bytes_ += frame.size() + kEntryBytes;
  entries_.push_back({.frame = {.own = std::move(frame), .head = {}, .tail = {}}});
}

void OutboundQueue::Urgent(std::string frame) {
  if (urgent_.size() == kUrgentMax) urgent_.pop_front();
  urgent_.push_back(std::move(frame));
}

bool OutboundQueue::Push(const PushFrame& push) {
  const bool coalescing = push.stream != 0 && bytes() >= limits_.coalesce_bytes_min;
  const std::string* const index_key = coalescing ? IndexKeyOf(push) : nullptr;
  if (index_key != nullptr && Replace(push, *index_key)) return true;

  Entry entry{.frame = {.own = {}, .head = push.head, .tail = push.tail}, .is_push = true};
  const size_t size = entry.frame.size() + kEntryBytes;
  const size_t bytes_max = push.lossy ? limits_.push_bytes_max / 2 : limits_.push_bytes_max;
  if (push_bytes_ + size > bytes_max) return false;
  push_bytes_ += size;
  if (index_key != nullptr && !push.keep) {
    const auto [at, inserted] = index_.insert_or_assign(*index_key, first_ + entries_.size());
    entry.index_key = &at->first;
  }
  entries_.push_back(std::move(entry));
  return true;
}

std::string* OutboundQueue::IndexKeyOf(const PushFrame& push) {
  scratch_.assign(reinterpret_cast<const char*>(&push.stream), sizeof push.stream);
  scratch_.append(push.key);
  return &scratch_;
}

bool OutboundQueue::Replace(const PushFrame& push, const std::string& index_key) {
  const auto found = index_.find(index_key);
  if (found == index_.end()) return false;
  Entry& queued = entries_[found->second - first_];
  if (push.keep) {  // goes out for itself; what is queued stays as it is
    queued.index_key = nullptr;
    index_.erase(found);
    return false;
  }
  push_bytes_ -= queued.frame.size();
  queued.frame.head = push.head;
  queued.frame.tail = push.tail;
  push_bytes_ += queued.frame.size();
  ++coalesced_;
  return true;
}

bool OutboundQueue::Pop(OutboundFrame* frame) {
  if (!urgent_.empty()) {
    *frame = {.own = std::move(urgent_.front()), .head = {}, .tail = {}};
    urgent_.pop_front();
    return true;
  }
  if (entries_.empty()) return false;
  Entry& entry = entries_.front();
  (entry.is_push ? push_bytes_ : reply_bytes_) -= entry.frame.size() + kEntryBytes;
  if (entry.index_key != nullptr) index_.erase(index_.find(*entry.index_key));
  *frame = std::move(entry.frame);
  entries_.pop_front();
  ++first_;
  return true;
}

void OutboundQueue::Clear() {
  urgent_.clear();
  entries_.clear();
  index_.clear();
  first_ = 0;
  push_bytes_ = 0;
  reply_bytes_ = 0;
}

void OutboundQueue::Trim() {
  if (!empty()) return;
  entries_.shrink_to_fit();
  if (index_.bucket_count() > 1) index_ = {};
  scratch_ = {};
}

}  // namespace topgun::gateway
