#include "domain/scan_queue.h"

#include <utility>

namespace topgun::sync {

struct ScanQueue::Job {
  MapView& view;
  LwwContent& content;
  std::shared_ptr<const Selection> selection;
  Wanted wanted;
  Callback<Selected> callback;
  std::shared_ptr<const void> hold;  // of the view
  std::chrono::steady_clock::time_point asked;
  size_t attempts = 0;
  // While it runs.
  std::optional<QueryScan> scan = {};
  uint64_t generation = 0;  // of the view
  std::vector<ShardPosition> positions = {};
};

ScanQueue::ScanQueue(ScanLimits limits, Scheduler& scheduler, const WallClock& wall, Probe& probe)
    : limits_(limits), scheduler_(scheduler), wall_(wall), probe_(probe) {}

ScanQueue::~ScanQueue() {
  for (std::deque<JobPtr>* jobs : {&running_, &waiting_}) {
    for (const JobPtr& job : std::exchange(*jobs, {})) End(*job, Unavailable("shutting down"));
  }
}

void ScanQueue::Add(MapView& view, LwwContent& content, std::shared_ptr<const Selection> selection,
                    Wanted wanted, Callback<Selected> callback) {
  if (open_ >= limits_.running_max + limits_.waiting_max) {
    probe_.ScanRefused();
    return callback(ResourceExhausted("too many queries wait"));
  }
  ++open_;
  probe_.ScansWaiting(1);
  AwaitView(std::make_shared<Job>(Job{view, content, std::move(selection), std::move(wanted),
                                      std::move(callback), view.Hold(),
                                      std::chrono::steady_clock::now()}));
}

void ScanQueue::AwaitView(const JobPtr& job) {
  ++job->attempts;
  job->view.WhenCurrent([this, job](const Status& status) {
    if (!status.ok()) return End(*job, status);
    waiting_.push_back(job);
    FillUp();
  });
}

// Lets waiting scans run, as many as may.
void ScanQueue::FillUp() {
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

void ScanQueue::Begin(const JobPtr& job) {
  if (!job->wanted()) return End(*job, Cancelled("nobody waits for the answer"));
  if (!job->view.complete()) return StartOver(job);
  job->generation = job->view.generation();
  job->positions = job->view.Positions();
  job->scan.emplace(job->content, job->selection, wall_.NowMs());
  probe_.ScansWaiting(-1);
  probe_.ScansRunning(1);
  running_.push_back(job);
}

void ScanQueue::RunSlice() {
  const JobPtr job = std::move(running_.front());
  running_.pop_front();
  if (!job->wanted()) return End(*job, Cancelled("nobody waits for the answer"));
  if (job->view.generation() != job->generation) return StartOver(job);
  const size_t cells = job->scan->cells();
  const StatusOr<bool> complete = job->scan->Continue(limits_.slice);
  probe_.CellsScanned(job->scan->cells() - cells);
  if (!complete.ok()) return End(*job, complete.status());
  if (!*complete) return running_.push_back(job);
  Selected selected = job->scan->Take();
  selected.positions = std::move(job->positions);
  End(*job, std::move(selected));
}

void ScanQueue::StartOver(const JobPtr& job) {
  StopRunning(*job);
  probe_.ScanStartedOver();
  if (job->attempts == limits_.attempts_max) {
    return End(*job, Unavailable("the view of the map was invalidated again and again"));
  }
  AwaitView(job);
}

void ScanQueue::StopRunning(Job& job) {
  if (!job.scan.has_value()) return;
  job.scan.reset();
  probe_.ScansRunning(-1);
  probe_.ScansWaiting(1);
}

void ScanQueue::End(Job& job, StatusOr<Selected> result) {
  StopRunning(job);
  --open_;
  probe_.ScansWaiting(-1);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - job.asked;
  if (result.ok()) probe_.Scanned(took.count());
  job.hold.reset();
  std::exchange(job.callback, nullptr)(std::move(result));
}

}  // namespace topgun::sync
