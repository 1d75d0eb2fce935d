#include "http/sync_page.h"

namespace topgun::gateway {

bool SyncPage::Add(std::string_view key, std::string_view value) {
  if (after_ && key <= *after_) return true;
  if (!filter_.Matches(value)) return true;
  if (skipped_ < offset_) {
    ++skipped_;
    return true;
  }
  const bool too_large = !values_.empty() && bytes_ + value.size() > limits_.bytes_max;
  if (values_.size() >= rows_max_ || too_large) {
    has_more_ = true;
    return false;
  }
  values_.push_back(value);
  bytes_ += value.size();
  last_key_ = key;
  return true;
}

void SyncPage::Clear() {
  values_.clear();
  last_key_ = {};
  bytes_ = 0;
  skipped_ = 0;
  has_more_ = false;
}

void SyncPage::Keep(ByteArena& arena) {
  for (std::string_view& value : values_) value = arena.Keep(value);
  last_key_ = arena.Keep(last_key_);
}

}  // namespace topgun::gateway
