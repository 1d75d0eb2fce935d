// The map views of one loop: created by reads, dropped when idle or when their memory is needed.
//
// Every read includes everything acknowledged before it and answers for this loop's shards; whoever
// asks all loops merges the answers. RESOURCE_EXHAUSTED: the map does not fit. Used on its loop.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "domain/cell_cache.h"
#include "domain/counter_views.h"
#include "domain/lww_content.h"
#include "domain/map_search.h"
#include "domain/map_view.h"
#include "domain/merge_queue.h"
#include "domain/or_content.h"
#include "domain/scan_queue.h"
#include "domain/search_queue.h"
#include "domain/selection.h"
#include "domain/tree_read.h"

namespace topgun::sync {

struct ViewLimits {
  uint64_t bytes_max = 256u << 20;  // of all views of the loop
  int64_t idle_ms = 60'000;         // of views, and of the indexes beside them
  ScanLimits scans = {};
  MergeLimits merges = {};
  SearchLimits searches = {};
};

class ViewRegistry {
 public:
  ViewRegistry(std::vector<Shard*> shards, ViewLimits limits, Scheduler& scheduler,
               const WallClock& wall, Probe& probe);

  // Rows of an LWW map, by ascending key.
  void Read(std::string_view map, size_t rows_max, Callback<Snapshot> callback);
  // Rows of an LWW map that a query selects, or their groups (scan_queue.h).
  void Select(std::string_view map, std::shared_ptr<const Selection> selection,
              ScanQueue::Wanted wanted, Callback<Selected> callback);
  // Puts together what all loops have selected, on any one of them (merge_queue.h).
  MergeQueue& merges() { return merges_; }
  // Keys that clients can see. `kind` is kLww or kOr.
  void Count(state::CellKind kind, std::string_view map, Callback<uint64_t> callback);
  // `kind` is kLww or kOr. The query must live until the callback.
  void ReadTree(state::CellKind kind, std::string_view map, std::shared_ptr<const TreeQuery> query,
                Callback<TreePart> callback);
  // One answer per tag of an OR map.
  void ResolveTags(std::string_view map, std::shared_ptr<const std::vector<std::string>> tags,
                   Callback<std::vector<ResolvedTag>> callback);

  // The two steps of a search in an LWW map (search_queue.h).
  void CountTerms(std::string_view map, std::shared_ptr<const MapSearch> wanted_hits,
                  SearchQueue::Wanted wanted, Callback<search::Statistics> callback);
  void Search(std::string_view map, std::shared_ptr<const MapSearch> wanted_hits,
              search::Statistics statistics, SearchQueue::Wanted wanted,
              Callback<std::vector<FoundRecord>> callback);

  // Those of counters.
  CounterViews& counters() { return counters_; }

  // Drops views that were idle for too long; called every second or so.
  void DropIdle();
  size_t size() const { return views_.size(); }

 private:
  struct Entry {
    Entry(state::CellKind kind, std::string_view map, const ViewRegistry& registry);

    TreeContent& shared();  // what both kinds have in common

    std::variant<LwwContent, OrContent> content;
    MapView view;
  };

  Entry& EntryFor(state::CellKind kind, std::string_view map);
  void DropIdleIndex(Entry& entry, int64_t oldest_ms);
  // False: what is left does not fit.
  bool MakeRoom();

  std::vector<Shard*> shards_;
  ViewLimits limits_;
  const WallClock& wall_;
  Probe& probe_;
  CounterViews counters_;
  MergeQueue merges_;
  ScanQueue scans_;  // these outlive the views
  SearchQueue searches_;
  BytesMap<std::unique_ptr<Entry>> views_;  // by map id
};

}  // namespace topgun::sync
