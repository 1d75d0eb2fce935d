// Starts and stops processes of a running cluster, so that nobody is told to use one that is not
// there, or keeps using one that leaves:
//
//   start what is new, until it is ready -> tell everybody who is there -> a moment -> stop the
//   rest
//
// What is new and does not become ready is stopped again, and nothing else has changed then. Once
// begun, the command goes on even if nobody listens any more.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "supervisor/command.h"
#include "supervisor/control.h"

namespace topgun::supervisor {

class Rescale final : public Command {
 public:
  // For readers of the files that name the others: they look four times a second.
  static constexpr std::chrono::milliseconds kNotice{1500};

  struct Cluster {
    std::function<Status()> announce;            // writes who is there from now on
    std::function<void(const Process*)> remove;  // forgets a process that has ended
  };

  // `added` have not been started.
  Rescale(std::vector<Process*> added, std::vector<Process*> removed, Cluster cluster,
          ControlClientPtr client);

  bool Advance(TimePoint now, Status* result) override;

 private:
  enum class Step { kStart, kAwaitReady, kNotice, kAwaitEnd };

  void Enter(Step step, TimePoint now);
  // Stops them; the command ends, with `result_`, when they have ended.
  void Leave(std::vector<Process*> leaving, TimePoint now);
  void AwaitReady(TimePoint now);
  bool AwaitEnd(TimePoint now);

  std::vector<Process*> added_;  // what is not ready yet comes last
  std::vector<Process*> removed_;
  const Cluster cluster_;
  const ControlClientPtr client_;
  std::vector<Process*> leaving_;
  size_t ready_ = 0;  // of `added_`
  Step step_ = Step::kStart;
  TimePoint since_;  // of the step
  Status result_;
};

}  // namespace topgun::supervisor
