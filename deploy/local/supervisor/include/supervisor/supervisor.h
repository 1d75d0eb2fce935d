// Runs a local cluster: starts its processes tier by tier, restarts whatever ends, and on SIGTERM,
// SIGINT or SIGHUP stops them in the opposite order.
//
// Files under `dir`: run/state.json, run/state.tsv and run/NAME.pid follow every change,
// run/NAME.lock is held by the process of that name, run/ready exists once everything was ready,
// log/NAME.log has the process's output, run/control.sock takes commands (control.h). `dir`/run and
// `dir`/log must exist.
//
// Owned by main, which calls Run() once on the only thread of the program. The port table must
// outlive it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "supervisor/command.h"
#include "supervisor/control.h"
#include "supervisor/ports.h"
#include "supervisor/process.h"
#include "supervisor/spec.h"

namespace topgun::supervisor {

struct SupervisorOptions {
  std::string dir;
  bool inherit_output = false;  // processes write to our stderr instead of log files
  std::string announce;         // printed to stdout when all are ready; {name.port} is replaced
  std::string while_held;       // stop once no process holds a lock (flock) on this file
};

class Supervisor {
 public:
  Supervisor(SupervisorOptions options, PortTable& ports);

  // Fills in the ports, which have been assigned, and writes the rendered files.
  Status Prepare(const std::vector<ProcessSpec>& specs);

  // Returns after everything has stopped; an error when the cluster did not come up.
  Status Run();

 private:
  enum class Stage { kStarting, kRunning, kStopping };

  void Await(int signal_fd, std::chrono::milliseconds timeout);
  void ReadSignals(int signal_fd);
  void OnCommand(std::string_view line, ControlClientPtr client);
  StatusOr<std::unique_ptr<Command>> MakeCommand(std::string_view line, ControlClientPtr client);
  StatusOr<std::unique_ptr<Command>> MakeRestart(std::vector<std::string> names,
                                                 ControlClientPtr client);
  StatusOr<std::unique_ptr<Command>> MakeRescale(ControlClientPtr client);
  StatusOr<std::vector<Process*>> Choose(const std::vector<std::string>& names) const;
  Process* Find(std::string_view name) const;  // null: there is none
  void AdvanceCommand(TimePoint now);
  StatusOr<ProcessSpec> Fill(ProcessSpec spec) const;
  Status Render(const std::vector<ProcessSpec>& specs) const;
  Process* AddProcess(ProcessSpec spec);
  void RemoveProcess(const Process* process);
  void ReapChildren(TimePoint now);
  void Advance(TimePoint now);
  void AdvanceStart(TimePoint now);
  void AdvanceStop(TimePoint now);
  void BeginStop(TimePoint now, Status reason);
  void StartTier(TimePoint now);
  void StopTier(TimePoint now);
  void OnAllReady();
  void Publish();
  bool TierIs(Process::Phase phase) const;
  bool AllReady() const;
  bool Abandoned();
  bool Busy() const;

  const SupervisorOptions options_;
  PortTable& ports_;
  ControlSocket control_;
  ControlClientPtr commander_;  // of the command that runs
  std::unique_ptr<Command> command_;
  std::string announce_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::vector<int> tiers_;  // ascending
  size_t tier_index_ = 0;   // being started or stopped
  Stage stage_ = Stage::kStarting;
  bool stop_requested_ = false;
  bool finished_ = false;
  int held_fd_ = -1;  // of `while_held`; holds the lock itself once nobody else does
  Status result_;
  std::string published_;
};

}  // namespace topgun::supervisor
