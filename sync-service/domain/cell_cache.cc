#include "domain/cell_cache.h"

#include <utility>

#include "base/bytes.h"

namespace topgun::sync {

namespace {

// Hash table slot and allocator overhead of an entry, roughly.
constexpr uint64_t kEntryOverhead = 96;

uint64_t Cost(std::string_view cell_id, std::string_view cell) {
  return cell_id.size() + cell.size() + kEntryOverhead;
}

}  // namespace

void AppendCellId(std::string& out, state::CellKind kind, std::string_view map,
                  std::string_view field) {
  out.push_back(static_cast<char>(kind));
  AppendBytes(out, map);
  out.append(field);
}

const std::string* CellCache::Find(std::string_view cell_id) {
  if (const auto it = young_.find(cell_id); it != young_.end()) return &it->second;
  const auto it = old_.find(cell_id);
  if (it == old_.end()) return nullptr;
  const uint64_t cost = Cost(it->first, it->second);
  old_bytes_ -= cost;
  young_bytes_ += cost;
  auto node = old_.extract(it);
  const auto inserted = young_.insert(std::move(node)).position;
  const std::string* cell = &inserted->second;
  return cell;
}

void CellCache::Put(std::string_view cell_id, std::string_view cell) {
  // In one generation at most, mostly the young one: what is written has just been looked up.
  if (const auto it = young_.find(cell_id); it != young_.end()) {
    young_bytes_ -= Cost(it->first, it->second);
    it->second.assign(cell);
  } else {
    if (const auto old = old_.find(cell_id); old != old_.end()) {
      old_bytes_ -= Cost(old->first, old->second);
      old_.erase(old);
    }
    young_.emplace(std::string(cell_id), std::string(cell));
  }
  young_bytes_ += Cost(cell_id, cell);
  if (young_bytes_ * 2 > bytes_max_) Age();
}

void CellCache::Update(std::string_view cell_id, std::string_view cell) {
  if (Find(cell_id) != nullptr) Put(cell_id, cell);
}

void CellCache::Clear() {
  young_.clear();
  old_.clear();
  young_bytes_ = old_bytes_ = 0;
}

void CellCache::Age() {
  old_ = std::exchange(young_, Generation());
  old_bytes_ = std::exchange(young_bytes_, 0);
}

}  // namespace topgun::sync
