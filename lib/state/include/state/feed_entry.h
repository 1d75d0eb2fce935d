// Feed entries: what a commit changed (docs/state-layout.md). Builder and zero-copy reader. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/name_index.h"
#include "state/cell.h"
#include "state/keys.h"
#include "state/position.h"

namespace topgun::state {

inline constexpr uint8_t kChangeWasLive = 1;
inline constexpr uint8_t kChangeTellOrigin = 2;
// Retention has dropped the cell; `cell` is what it was.
inline constexpr uint8_t kChangePruned = 4;
// There was no cell before this commit, not even a tombstone: Postgres has no row of it either, as
// the map was loaded. A hint for whoever writes rows.
inline constexpr uint8_t kChangeCreated = 8;

struct ChangeView {
  CellKind kind = CellKind::kLww;
  uint8_t flags = 0;
  uint32_t map = 0;     // index into FeedEntryView::maps
  uint32_t origin = 0;  // index into FeedEntryView::origins, 0: nobody
  std::string_view key;
  std::string_view tag;
  std::string_view cell;
};

// A trace that the commit belongs to: values of the W3C headers of that name.
struct TraceView {
  std::string_view traceparent;
  std::string_view tracestate;
};

// Reusable: Clear() keeps capacity.
class FeedEntryBuilder {
 public:
  FeedEntryBuilder() { Clear(); }
  FeedEntryBuilder(const FeedEntryBuilder&) = delete;
  FeedEntryBuilder& operator=(const FeedEntryBuilder&) = delete;

  void Clear();
  // Index in the entry's dictionary; the name is added when it is new. The empty origin is 0.
  uint32_t MapIndex(std::string_view map) { return maps_.NumberOf(map); }
  uint32_t OriginIndex(std::string_view origin) { return origins_.NumberOf(origin); }
  void Add(const ChangeView& change);  // bytes are copied
  size_t change_count() const { return change_count_; }
  // At most kTracesMax; further ones are left out. Bytes are copied.
  static constexpr size_t kTracesMax = 8;
  void AddTrace(const TraceView& trace);
  // The commit entry; the builder stays as it is. `awaited`: somebody waits for it to be persisted.
  std::string Build(int64_t wall_ms, bool awaited = false) const;

 private:
  class Dictionary {
   public:
    void Clear();
    uint32_t NumberOf(std::string_view name);  // added when it is new
    const std::deque<std::string>& names() const { return names_; }

   private:
    std::deque<std::string> names_;  // which do not move
    NameIndex index_;
  };

  Dictionary maps_;
  Dictionary origins_;
  std::string changes_;
  size_t change_count_ = 0;
  std::string traces_;
  size_t trace_count_ = 0;
};

std::string EncodeMarker(int64_t wall_ms, const Position& tail);

// Views point into the decoded bytes. Decode() reuses the vectors' capacity.
struct FeedEntryView {
  bool is_marker = false;
  bool awaited = false;  // a commit that somebody waits to be persisted
  int64_t wall_ms = 0;
  Position marker_tail;
  std::vector<std::string_view> maps;
  std::vector<std::string_view> origins;
  std::vector<ChangeView> changes;
  std::vector<TraceView> traces;  // mostly none
};
// False on malformed input.
bool DecodeFeedEntry(std::string_view bytes, FeedEntryView* out);

}  // namespace topgun::state
