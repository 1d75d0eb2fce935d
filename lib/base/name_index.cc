#include "base/name_index.h"

namespace topgun {

std::optional<uint32_t> NameIndex::Search(std::string_view name) {
  if (!numbers_.empty()) {
    const auto found = numbers_.find(name);
    if (found == numbers_.end()) return std::nullopt;
    return last_ = found->second;
  }
  for (uint32_t i = 0; i < names_.size(); ++i) {
    // Names of maps mostly differ at their end.
    const bool may_be =
        names_[i].size() == name.size() && (name.empty() || names_[i].back() == name.back());
    if (may_be && names_[i] == name) return last_ = i;
  }
  return std::nullopt;
}

void NameIndex::Add(std::string_view name) {
  last_ = static_cast<uint32_t>(names_.size());
  names_.push_back(name);
  if (names_.size() <= kScannedMax) return;
  if (!numbers_.empty()) {
    numbers_.emplace(name, last_);
    return;
  }
  for (uint32_t i = 0; i < names_.size(); ++i) numbers_.emplace(names_[i], i);
}

void NameIndex::Clear() {
  names_.clear();
  numbers_.clear();
  last_ = 0;
}

}  // namespace topgun
