#include "domain/search_queue.h"

#include <limits>
#include <optional>
#include <utility>

#include "domain/lww_content.h"
#include "domain/map_index.h"
#include "search/search.h"

namespace topgun::sync {

// One step.
struct SearchQueue::Job {
  MapView& view;
  LwwContent& content;
  std::shared_ptr<const MapSearch> wanted_hits;
  Wanted wanted;
  // Of the first step, or those of the whole map and the callback of the second one.
  Callback<search::Statistics> counted = nullptr;
  std::optional<search::Statistics> statistics = {};
  Callback<std::vector<FoundRecord>> found = nullptr;
  std::shared_ptr<const void> hold;  // of the view
  size_t attempts = 0;
  bool running = false;
  // While it runs.
  uint64_t generation = 0;                   // of the view
  std::weak_ptr<const MapIndex> index = {};  // of the content
  uint64_t goal = 0;                         // of the index
  std::optional<search::SearchRun> run = {};
};

SearchQueue::SearchQueue(SearchLimits limits, Scheduler& scheduler, const WallClock& wall,
                         SearchProbe& probe, Fits fits)
    : limits_(limits), scheduler_(scheduler), wall_(wall), probe_(probe), fits_(std::move(fits)) {}

SearchQueue::~SearchQueue() {
  for (std::deque<JobPtr>* jobs : {&running_, &waiting_}) {
    for (const JobPtr& job : std::exchange(*jobs, {})) Fail(*job, Unavailable("shutting down"));
  }
}

void SearchQueue::Count(MapView& view, LwwContent& content,
                        std::shared_ptr<const MapSearch> wanted_hits, Wanted wanted,
                        Callback<search::Statistics> callback) {
  Add(std::make_shared<Job>(Job{.view = view,
                                .content = content,
                                .wanted_hits = std::move(wanted_hits),
                                .wanted = std::move(wanted),
                                .counted = std::move(callback),
                                .hold = view.Hold()}));
}

void SearchQueue::Find(MapView& view, LwwContent& content,
                       std::shared_ptr<const MapSearch> wanted_hits, search::Statistics statistics,
                       Wanted wanted, Callback<std::vector<FoundRecord>> callback) {
  Add(std::make_shared<Job>(Job{.view = view,
                                .content = content,
                                .wanted_hits = std::move(wanted_hits),
                                .wanted = std::move(wanted),
                                .statistics = std::move(statistics),
                                .found = std::move(callback),
                                .hold = view.Hold()}));
}

void SearchQueue::Add(const JobPtr& job) {
  ++open_;
  probe_.Waiting(1);
  if (open_ > limits_.running_max + limits_.waiting_max) {
    probe_.Refused();
    return Fail(*job, ResourceExhausted("too many searches wait"));
  }
  // What the first step has waited for is there for the second one.
  const bool current = job->statistics.has_value() && job->view.complete();
  if (!current) return AwaitView(job);
  ++job->attempts;
  waiting_.push_back(job);
  FillUp();
}

void SearchQueue::AwaitView(const JobPtr& job) {
  ++job->attempts;
  job->view.WhenCurrent([this, job](const Status& status) {
    if (!status.ok()) return Fail(*job, status);
    waiting_.push_back(job);
    FillUp();
  });
}

// Lets waiting steps run, as many as may.
void SearchQueue::FillUp() {
  while (running_.size() < limits_.running_max && !waiting_.empty()) {
    const JobPtr job = std::move(waiting_.front());
    waiting_.pop_front();
    Begin(job);
  }
  if (running_.empty() || std::exchange(slice_posted_, true)) return;
  scheduler_.Post([this] {
    slice_posted_ = false;
    RunSlice();
    FillUp();
  });
}

void SearchQueue::Begin(const JobPtr& job) {
  if (!job->wanted()) return Fail(*job, Cancelled("nobody waits for the answer"));
  if (!job->view.complete()) return StartOver(job);
  job->generation = job->view.generation();
  const std::shared_ptr<MapIndex> index = job->content.OpenIndex(probe_);
  job->index = index;
  job->goal = index->Goal(wall_.NowMs());
  job->running = true;
  probe_.Waiting(-1);
  probe_.Running(1);
  running_.push_back(job);
}

void SearchQueue::RunSlice() {
  const JobPtr job = std::move(running_.front());
  running_.pop_front();
  if (!job->wanted()) return Fail(*job, Cancelled("nobody waits for the answer"));
  const bool worthless = job->view.generation() != job->generation || job->index.expired();
  if (worthless) return StartOver(job);
  const std::shared_ptr<MapIndex> index = job->content.OpenIndex(probe_);
  if (!index->Reached(job->goal)) {
    index->CatchUp(wall_.NowMs());
    job->view.CountBytes();
    if (!fits_()) {
      job->content.DropIndex();
      job->view.CountBytes();
      return Fail(*job, ResourceExhausted("the map's search index does not fit into memory"));
    }
    return running_.push_back(job);
  }
  if (!Finish(*job, index->index())) running_.push_back(job);
}

bool SearchQueue::Finish(Job& job, const search::SearchIndex& index) {
  const MapSearch& wanted = *job.wanted_hits;
  if (!job.statistics.has_value()) {
    End(job);
    job.counted(index.StatisticsFor(wanted.query));
    return true;
  }
  std::vector<search::Hit> hits;
  if (!wanted.keys.empty()) {
    hits = search::ScoreKeys(index, wanted.query, *job.statistics, wanted.keys, wanted.min_score);
  } else {
    if (!job.run.has_value()) {
      const std::shared_ptr<const search::SearchQuery> query(job.wanted_hits, &wanted.query);
      job.run.emplace(query, *job.statistics, wanted.limit, wanted.min_score);
    }
    if (!job.run->Advance(index, limits_.slice_steps)) return false;
    hits = job.run->TakeHits();
  }
  std::vector<FoundRecord> found = Describe(job, std::move(hits));
  End(job);
  job.found(std::move(found));
  return true;
}

// What has changed since it was indexed is told as it was, but never what is gone.
std::vector<FoundRecord> SearchQueue::Describe(const Job& job,
                                               std::vector<search::Hit> hits) const {
  const int64_t now_ms = wall_.NowMs();
  std::vector<FoundRecord> found;
  found.reserve(hits.size());
  for (search::Hit& hit : hits) {
    const std::optional<state::CellView> cell = job.content.Find(hit.key);
    if (!cell || !cell->Live(now_ms)) continue;
    found.push_back({std::move(hit.key), hit.score, cell->ExpiresMs()});
  }
  return found;
}

void SearchQueue::StartOver(const JobPtr& job) {
  StopRunning(*job);
  probe_.StartedOver();
  if (job->attempts == limits_.attempts_max) {
    return Fail(*job, Unavailable("the view of the map was invalidated again and again"));
  }
  AwaitView(job);
}

void SearchQueue::StopRunning(Job& job) {
  job.run.reset();
  if (!std::exchange(job.running, false)) return;
  probe_.Running(-1);
  probe_.Waiting(1);
}

void SearchQueue::Fail(Job& job, const Status& status) {
  End(job);
  if (job.counted) return job.counted(status);
  job.found(status);
}

// Before the callback.
void SearchQueue::End(Job& job) {
  StopRunning(job);
  --open_;
  probe_.Waiting(-1);
  job.hold.reset();
}

}  // namespace topgun::sync
