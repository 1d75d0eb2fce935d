#include "supervisor/rescale.h"

#include <algorithm>
#include <utility>

namespace topgun::supervisor {
namespace {

constexpr std::chrono::seconds kRescalePatience{120};
// Ends in a row of a process that is new.
constexpr int kNewFailuresMax = 3;

bool HasBecomeReady(const Process* process) { return process->phase() == Process::Phase::kReady; }

}  // namespace

Rescale::Rescale(std::vector<Process*> added, std::vector<Process*> removed, Cluster cluster,
                 ControlClientPtr client)
    : added_(std::move(added)),
      removed_(std::move(removed)),
      cluster_(std::move(cluster)),
      client_(std::move(client)) {}

void Rescale::Enter(Step step, TimePoint now) {
  step_ = step;
  since_ = now;
}

bool Rescale::Advance(TimePoint now, Status* result) {
  switch (step_) {
    case Step::kStart:
      for (Process* const process : added_) process->Start(now);
      Enter(Step::kAwaitReady, now);
      return false;
    case Step::kAwaitReady:
      AwaitReady(now);
      return false;
    case Step::kNotice:
      if (!removed_.empty() && now - since_ < kNotice) return false;
      Leave(std::move(removed_), now);
      return false;
    case Step::kAwaitEnd:
      if (!AwaitEnd(now)) return false;
      *result = result_;
      return true;
  }
  return true;
}

void Rescale::AwaitReady(TimePoint now) {
  const auto waiting = added_.begin() + static_cast<ptrdiff_t>(ready_);
  const auto still = std::stable_partition(waiting, added_.end(), HasBecomeReady);
  for (auto each = waiting; each != still; ++each) {
    client_->Say((*each)->spec().name + ": ready");
    ++ready_;
  }
  if (still == added_.end()) {
    result_ = cluster_.announce();
    if (result_.ok()) return Enter(Step::kNotice, now);
    return Leave(std::move(added_), now);
  }
  const auto hopeless = std::find_if(still, added_.end(), [&](const Process* process) {
    return process->failures() >= kNewFailuresMax || now - since_ > kRescalePatience;
  });
  if (hopeless == added_.end()) return;
  result_ = Unavailable((*hopeless)->spec().name +
                        " does not become ready, its log says why; nothing has changed");
  Leave(std::move(added_), now);
}

void Rescale::Leave(std::vector<Process*> leaving, TimePoint now) {
  leaving_ = std::move(leaving);
  for (Process* const process : leaving_) process->Stop(now);
  Enter(Step::kAwaitEnd, now);
}

// Bounded by the patience of each process, after which it is killed.
bool Rescale::AwaitEnd(TimePoint now) {
  std::erase_if(leaving_, [&](const Process* process) {
    if (process->phase() != Process::Phase::kEnded) return false;
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(now - since_);
    client_->Say(process->spec().name + ": stopped in " + std::to_string(took.count()) + " ms" +
                 (process->last_exit().empty() ? "" : " (" + process->last_exit() + ")"));
    cluster_.remove(process);
    return true;
  });
  return leaving_.empty();
}

}  // namespace topgun::supervisor
