// The searches of one loop's views, in two steps each: what this part of the map adds to the
// statistics, and which of its records are hits under those of the whole map.
//
// Some steps run at once, a slice of one of them per turn of the loop, because commits run there
// too; the others wait their turn. A step begins by bringing the map's index up to date. The first
// one includes everything that was acknowledged before it was asked for; the second one what the
// first did, and perhaps more. When content of the view is dropped meanwhile a step starts over.
// Owned by a ViewRegistry, used on its loop; outlives its views, and fails what is left with
// UNAVAILABLE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "domain/io.h"
#include "domain/map_search.h"
#include "domain/map_view.h"
#include "domain/search_probe.h"
#include "search/bm25.h"
#include "search/search.h"

namespace topgun::sync {

class LwwContent;

struct SearchLimits {
  size_t running_max = 4;
  size_t waiting_max = 1'000;  // for their view or for their turn
  size_t attempts_max = 5;
  uint64_t slice_steps = 20'000;  // entries of an index that one slice looks at
};

class SearchQueue {
 public:
  // False: nobody waits for the answer any more. Asked before each slice.
  using Wanted = std::function<bool()>;
  // Whether the views fit into memory, once those that nobody needs are gone.
  using Fits = std::function<bool()>;

  SearchQueue(SearchLimits limits, Scheduler& scheduler, const WallClock& wall, SearchProbe& probe,
              Fits fits);
  ~SearchQueue();
  SearchQueue(const SearchQueue&) = delete;
  SearchQueue& operator=(const SearchQueue&) = delete;

  // Both call back once. RESOURCE_EXHAUSTED: too many wait, or the map or its index does not fit;
  // UNAVAILABLE: content was dropped during every attempt; CANCELLED: not wanted.
  void Count(MapView& view, LwwContent& content, std::shared_ptr<const MapSearch> wanted_hits,
             Wanted wanted, Callback<search::Statistics> callback);
  // In no particular order.
  void Find(MapView& view, LwwContent& content, std::shared_ptr<const MapSearch> wanted_hits,
            search::Statistics statistics, Wanted wanted,
            Callback<std::vector<FoundRecord>> callback);

 private:
  struct Job;
  using JobPtr = std::shared_ptr<Job>;

  void Add(const JobPtr& job);
  void AwaitView(const JobPtr& job);
  void FillUp();
  void Begin(const JobPtr& job);
  void RunSlice();
  // False: there is more to do.
  bool Finish(Job& job, const search::SearchIndex& index);
  std::vector<FoundRecord> Describe(const Job& job, std::vector<search::Hit> hits) const;
  void StartOver(const JobPtr& job);
  void StopRunning(Job& job);
  void Fail(Job& job, const Status& status);
  void End(Job& job);

  const SearchLimits limits_;
  Scheduler& scheduler_;
  const WallClock& wall_;
  SearchProbe& probe_;
  const Fits fits_;
  size_t open_ = 0;             // asked for and not answered
  std::deque<JobPtr> waiting_;  // for their turn
  std::deque<JobPtr> running_;  // the next slice is the first one's
  bool slice_posted_ = false;
};

}  // namespace topgun::sync
