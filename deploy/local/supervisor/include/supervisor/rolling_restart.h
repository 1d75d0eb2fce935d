// Restarts processes one after the other: the next one is only touched while every process of the
// cluster is ready, so that at most one is away at a time.
//
// Ends early when a process does not come back, and after the process in hand when nobody listens
// any more; what was not reached yet is left alone.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/command.h"
#include "supervisor/control.h"

namespace topgun::supervisor {

class RollingRestart final : public Command {
 public:
  // `processes` in the order of their restart; `grace` as in Process::Restart(); `all_ready` looks
  // at the whole cluster.
  RollingRestart(std::vector<Process*> processes, std::optional<std::chrono::milliseconds> grace,
                 std::function<bool()> all_ready, ControlClientPtr client);

  bool Advance(TimePoint now, Status* result) override;

 private:
  enum class Step { kAwaitOthers, kStop, kAwaitReady };

  void Enter(Step step, TimePoint now);
  Process& current() const { return *processes_[next_]; }
  std::string Report(TimePoint now) const;

  const std::vector<Process*> processes_;
  const std::optional<std::chrono::milliseconds> grace_;
  const std::function<bool()> all_ready_;
  const ControlClientPtr client_;
  size_t next_ = 0;
  Step step_ = Step::kAwaitOthers;
  bool begun_ = false;
  TimePoint since_;    // of the step
  TimePoint touched_;  // the process in hand was told to stop
  TimePoint stopped_;
};

}  // namespace topgun::supervisor
