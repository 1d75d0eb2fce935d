#include "domain/cell_cache.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/bytes.h"

namespace topgun::sync {

namespace {

// Large enough to come from the allocator as pages, which go back to the system in one piece.
constexpr size_t kSegmentBytes = 64u << 10;
// At least, so that a small cache's budget is not spent on what is still empty.
constexpr size_t kSegmentsPerGeneration = 16;
// Per entry, about: a slot and its byte of control, two thirds full.
constexpr uint64_t kIndexBytes = 25;

}  // namespace

// At the head of the id's bytes, which the cell's bytes follow.
struct CellCache::Entry {
  uint32_t id_size;
  uint32_t cell_size;
  uint32_t cell_room;

  char* bytes() { return reinterpret_cast<char*>(this + 1); }
  std::string_view id() { return {bytes(), id_size}; }
  std::string_view cell() { return {bytes() + id_size, cell_size}; }
  void SetCell(std::string_view cell) {
    cell_size = static_cast<uint32_t>(cell.size());
    if (!cell.empty()) std::memcpy(bytes() + id_size, cell.data(), cell.size());
  }
};

void AppendCellId(std::string& out, state::CellKind kind, std::string_view map,
                  std::string_view field) {
  out.push_back(static_cast<char>(kind));
  AppendBytes(out, map);
  out.append(field);
}

CellCache::Generation::Generation(uint64_t bytes_max)
    : segment_size_(std::min<uint64_t>(kSegmentBytes, bytes_max / kSegmentsPerGeneration)) {}

uint64_t CellCache::Generation::bytes() const {
  return segment_bytes_ + index_.size() * kIndexBytes;
}

CellCache::Entry* CellCache::Generation::Find(const HashedId& id) const {
  const auto it = index_.find(id.hash);
  return it == index_.end() || it->second->id() != id.bytes ? nullptr : it->second;
}

CellCache::Entry* CellCache::Generation::Put(const HashedId& id, std::string_view cell) {
  Entry*& entry = index_.try_emplace(id.hash, nullptr).first->second;
  if (entry != nullptr && entry->id() == id.bytes && cell.size() <= entry->cell_room) {
    entry->SetCell(cell);
  } else {
    // What this replaces stays where it is until the generation goes.
    entry = Append(id.bytes, cell);
  }
  return entry;
}

CellCache::Entry* CellCache::Generation::Append(std::string_view id, std::string_view cell) {
  const auto up = [](size_t n) { return (n + alignof(Entry) - 1) & ~(alignof(Entry) - 1); };
  const size_t size = up(sizeof(Entry) + id.size() + cell.size());
  if (size > free_bytes_) {
    const size_t segment = std::max(size, segment_size_);
    segments_.push_back(std::make_unique_for_overwrite<char[]>(segment));
    free_ = segments_.back().get();
    free_bytes_ = segment;
    segment_bytes_ += segment;
  }
  auto* const entry = new (free_) Entry{};
  free_ += size;
  free_bytes_ -= size;
  entry->id_size = static_cast<uint32_t>(id.size());
  entry->cell_room = static_cast<uint32_t>(size - sizeof(Entry) - id.size());
  std::memcpy(entry->bytes(), id.data(), id.size());
  entry->SetCell(cell);
  return entry;
}

CellCache::CellCache(uint64_t bytes_max)
    : generation_bytes_max_(bytes_max / 2),
      young_(generation_bytes_max_),
      old_(generation_bytes_max_) {}

std::optional<std::string_view> CellCache::Find(HashedId id) {
  if (Entry* const entry = young_.Find(id)) return entry->cell();
  if (Entry* const entry = old_.Find(id)) return PutYoung(id, entry->cell())->cell();
  return std::nullopt;
}

void CellCache::Put(HashedId id, std::string_view cell) { PutYoung(id, cell); }

// The old generation may still have an older copy: nobody looks there for what is in the young one,
// and it goes first.
CellCache::Entry* CellCache::PutYoung(const HashedId& id, std::string_view cell) {
  Entry* const entry = young_.Put(id, cell);
  if (young_.bytes() > generation_bytes_max_) Age();
  return entry;
}

void CellCache::Update(HashedId id, std::string_view cell) {
  if (Find(id).has_value()) Put(id, cell);
}

void CellCache::Clear() {
  young_ = Generation(generation_bytes_max_);
  old_ = Generation(generation_bytes_max_);
}

// As many cells as last time will fit: the index need not grow step by step.
void CellCache::Age() {
  old_ = std::exchange(young_, Generation(generation_bytes_max_));
  young_.Reserve(old_.size());
}

}  // namespace topgun::sync
