#include "dispatch/expiry_queue.h"

#include <algorithm>

#include "crdt/merge.h"

namespace topgun::gateway {
namespace {

// Of the key's place in both indices.
constexpr size_t kRowBytes = 160;

size_t BytesOf(std::string_view key) { return key.size() + kRowBytes; }

}  // namespace

void ExpiryQueue::Set(std::string_view key, double expires_ms) {
  auto it = by_key_.find(key);
  if (it == by_key_.end()) {
    it = by_key_.emplace(std::string(key), expires_ms).first;
    budget_.bytes += BytesOf(key);
    ++budget_.rows;
  } else {
    by_time_.erase({it->second, it->first});
    it->second = expires_ms;
  }
  by_time_.emplace(expires_ms, it->first);
  while (budget_.bytes > budget_.bytes_max && !by_time_.empty()) {
    const auto [last_ms, last] = *by_time_.rbegin();
    overflow_ms_ = std::min(overflow_ms_.value_or(last_ms), last_ms);
    Erase(by_key_.find(last));
  }
}

bool ExpiryQueue::Cancel(std::string_view key) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return false;
  Erase(it);
  return true;
}

std::optional<std::string> ExpiryQueue::PopHidden(int64_t now_ms) {
  if (by_time_.empty() || !crdt::IsHidden(by_time_.begin()->first, now_ms)) return std::nullopt;
  std::string key(by_time_.begin()->second);
  Erase(by_key_.find(key));
  return key;
}

bool ExpiryQueue::TakeOverflow(int64_t now_ms) {
  if (!overflow_ms_ || !crdt::IsHidden(*overflow_ms_, now_ms)) return false;
  overflow_ms_.reset();
  return true;
}

void ExpiryQueue::Clear() {
  while (!by_key_.empty()) Erase(by_key_.begin());
  overflow_ms_.reset();
}

void ExpiryQueue::Erase(ByKey::iterator it) {
  by_time_.erase({it->second, it->first});
  budget_.bytes -= BytesOf(it->first);
  --budget_.rows;
  by_key_.erase(it);
}

}  // namespace topgun::gateway
