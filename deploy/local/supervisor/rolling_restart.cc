#include "supervisor/rolling_restart.h"

#include <array>
#include <cstdio>
#include <utility>

namespace topgun::supervisor {
namespace {

// For a process to become ready, and for the others before it is touched.
constexpr std::chrono::seconds kReadyPatience{120};
// Ends in a row of the process that was started again.
constexpr int kFailuresMax = 3;

std::string Seconds(TimePoint from, TimePoint to) {
  std::array<char, 32> text{};
  const std::chrono::duration<double> took = to - from;
  const int length = std::snprintf(text.data(), text.size(), "%.2f s", took.count());
  return {text.data(), static_cast<size_t>(length)};
}

}  // namespace

RollingRestart::RollingRestart(std::vector<Process*> processes,
                               std::optional<std::chrono::milliseconds> grace,
                               std::function<bool()> all_ready, ControlClientPtr client)
    : processes_(std::move(processes)),
      grace_(grace),
      all_ready_(std::move(all_ready)),
      client_(std::move(client)) {}

void RollingRestart::Enter(Step step, TimePoint now) {
  step_ = step;
  since_ = now;
}

bool RollingRestart::Advance(TimePoint now, Status* result) {
  if (!std::exchange(begun_, true)) since_ = now;
  if (next_ == processes_.size()) return true;
  const std::string& name = current().spec().name;
  const bool overdue = now - since_ > kReadyPatience;
  switch (step_) {
    case Step::kAwaitOthers:
      if (client_->gone()) {
        *result = FailedPrecondition("nobody listens any more, " + name + " was left alone");
        return true;
      }
      if (overdue) {
        *result = Unavailable("not everything is ready, " + name + " was left alone");
        return true;
      }
      if (!all_ready_()) return false;
      touched_ = now;
      current().Restart(now, grace_);
      Enter(Step::kStop, now);
      return false;
    case Step::kStop:  // bounded by the grace, after which it is killed
      if (current().phase() == Process::Phase::kStopping) return false;
      stopped_ = now;
      Enter(Step::kAwaitReady, now);
      return false;
    case Step::kAwaitReady:
      if (overdue || current().failures() >= kFailuresMax) {
        *result = Unavailable(name + " does not become ready; its log says why");
        return true;
      }
      if (current().phase() != Process::Phase::kReady) return false;
      client_->Say(Report(now));
      ++next_;
      Enter(Step::kAwaitOthers, now);
      return next_ == processes_.size();
  }
  return true;
}

std::string RollingRestart::Report(TimePoint now) const {
  return current().spec().name + ": stopped in " + Seconds(touched_, stopped_) + " (" +
         current().last_exit() + "), ready again after " + Seconds(stopped_, now);
}

}  // namespace topgun::supervisor
