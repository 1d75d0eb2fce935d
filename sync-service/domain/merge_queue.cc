#include "domain/merge_queue.h"

#include <utility>

namespace topgun::sync {

MergeQueue::MergeQueue(MergeLimits limits, Scheduler& scheduler, Probe& probe)
    : limits_(limits), scheduler_(scheduler), probe_(probe) {}

MergeQueue::~MergeQueue() {
  for (const auto& job : std::exchange(jobs_, {})) End(*job, Unavailable("shutting down"));
}

void MergeQueue::Add(std::shared_ptr<const Selection> selection, std::vector<Selected> parts,
                     Wanted wanted, Callback<Snapshot> callback) {
  if (jobs_.size() >= limits_.queries_max) {
    probe_.ScanRefused();
    return callback(ResourceExhausted("too many queries wait"));
  }
  probe_.QueriesMerging(1);
  jobs_.push_back(std::make_unique<Job>(
      Job{{std::move(selection), std::move(parts)}, std::move(wanted), std::move(callback)}));
  Schedule();
}

void MergeQueue::Schedule() {
  if (jobs_.empty() || std::exchange(slice_posted_, true)) return;
  scheduler_.Post([this] {
    slice_posted_ = false;
    RunSlice();
    Schedule();
  });
}

void MergeQueue::RunSlice() {
  std::unique_ptr<Job> job = std::move(jobs_.front());
  jobs_.pop_front();
  if (!job->wanted()) return End(*job, Cancelled("nobody waits for the answer"));
  const StatusOr<bool> complete = job->merge.Continue(limits_.groups_per_slice);
  if (!complete.ok()) return End(*job, complete.status());
  if (*complete) return End(*job, job->merge.Take());
  jobs_.push_back(std::move(job));
}

void MergeQueue::End(const Job& job, StatusOr<Snapshot> result) {
  probe_.QueriesMerging(-1);
  job.callback(std::move(result));
}

}  // namespace topgun::sync
