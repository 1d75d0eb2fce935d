#include "domain/map_index.h"

#include <algorithm>
#include <optional>

#include "crdt/merge.h"
#include "domain/lww_content.h"

namespace topgun::sync {

namespace {

constexpr size_t kLeafCost = 32;  // of looking for its keys
constexpr uint64_t kNotedOverhead = 64;
constexpr uint64_t kExpiryOverhead = 144;

}  // namespace

MapIndex::MapIndex(const LwwContent& content, SearchProbe& probe)
    : content_(content), probe_(probe) {
  static_assert(kLeafEnd == LwwContent::kLeaves);
  probe_.Indexes(1);
}

MapIndex::~MapIndex() {
  probe_.Indexes(-1);
  probe_.IndexBytes(-static_cast<int64_t>(bytes_reported_));
}

void MapIndex::Note(std::string_view key) {
  const auto [noted, added] = noted_.emplace(key);
  if (!added) return;
  queue_.push_back(&*noted);
  noted_bytes_ += key.size() + kNotedOverhead;
}

uint64_t MapIndex::Goal(int64_t now_ms) {
  last_goal_ms_ = now_ms;
  while (!by_time_.empty() && crdt::IsHidden(by_time_.begin()->first, now_ms)) {
    const std::string key(by_time_.begin()->second);
    CancelExpiry(key);
    Note(key);
  }
  return done_ + queue_.size();
}

void MapIndex::CatchUp(int64_t now_ms) {
  size_t cost = 0;
  while (cost < kSliceBytes && !(complete() && queue_.empty())) {
    cost += complete() ? IndexNoted(now_ms) : IndexNextOfTree(now_ms);
  }
  Report();
}

size_t MapIndex::IndexNextOfTree(int64_t now_ms) {
  if (of_leaf_.empty()) {
    content_.ForEachKeyOfLeaf(next_leaf_++,
                              [this](std::string_view key) { of_leaf_.emplace_back(key); });
    return kLeafCost;
  }
  const size_t cost = Index(of_leaf_.front(), now_ms);
  of_leaf_.pop_front();
  return cost;
}

size_t MapIndex::IndexNoted(int64_t now_ms) {
  const auto noted = noted_.find(*queue_.front());
  queue_.pop_front();
  ++done_;
  noted_bytes_ -= noted->size() + kNotedOverhead;
  const size_t cost = Index(*noted, now_ms);
  noted_.erase(noted);
  return cost;
}

size_t MapIndex::Index(const std::string& key, int64_t now_ms) {
  probe_.Indexed(1);
  const std::optional<state::CellView> cell = content_.Find(key);
  CancelExpiry(key);
  if (!cell || !cell->Live(now_ms)) {
    index_.Remove(key);
    return kRecordCost;
  }
  index_.Put(key, cell->value);
  if (const auto expires_ms = cell->ExpiresMs()) Expire(key, *expires_ms);
  return kRecordCost + cell->value.size();
}

void MapIndex::Expire(const std::string& key, double expires_ms) {
  const auto kept = expiries_.emplace(key, expires_ms).first;
  by_time_.emplace(expires_ms, kept->first);
  expiry_bytes_ += key.size() + kExpiryOverhead;
}

void MapIndex::CancelExpiry(const std::string& key) {
  const auto kept = expiries_.find(key);
  if (kept == expiries_.end()) return;
  by_time_.erase({kept->second, kept->first});
  expiry_bytes_ -= key.size() + kExpiryOverhead;
  expiries_.erase(kept);
}

void MapIndex::Report() {
  probe_.IndexBytes(static_cast<int64_t>(bytes()) - static_cast<int64_t>(bytes_reported_));
  bytes_reported_ = bytes();
}

}  // namespace topgun::sync
