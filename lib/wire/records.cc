#include "wire/records.h"

namespace topgun::wire {

void OrEntries::Clear() {
  entries_.clear();
  records_.clear();
  tombstones_.clear();
}

void OrEntries::AddKey(std::string_view key) {
  entries_.push_back({key, records_.size(), tombstones_.size()});
}

void OrEntries::AddRecord(const crdt::OrRecordView& record) {
  records_.push_back(record);
  entries_.back().records_end = records_.size();
}

void OrEntries::AddTombstone(std::string_view tag) {
  tombstones_.push_back(tag);
  entries_.back().tombstones_end = tombstones_.size();
}

std::span<const crdt::OrRecordView> OrEntries::records(size_t index) const {
  const size_t begin = index == 0 ? 0 : entries_[index - 1].records_end;
  return std::span(records_).subspan(begin, entries_[index].records_end - begin);
}

std::span<const std::string_view> OrEntries::tombstones(size_t index) const {
  const size_t begin = index == 0 ? 0 : entries_[index - 1].tombstones_end;
  return std::span(tombstones_).subspan(begin, entries_[index].tombstones_end - begin);
}

}  // namespace topgun::wire
