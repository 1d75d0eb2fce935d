// One supervised process: starts it, notices when it is ready, starts it again when it ends, stops
// it in bounded time.
//
//   kIdle --Start--> kWaiting --due and lock free--> kStarting --probe answers--> kReady
//                       ^                                |                           |
//                       '---------- OnExit --------------'---------------------------'
//   any --Stop--> kStopping --OnExit, SIGKILL when overdue--> kEnded
//   any --Restart--> kStopping --OnExit, SIGKILL when overdue--> kWaiting
//
// Owned by Supervisor, on its thread. Never blocks longer than one probe.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "supervisor/restart_policy.h"
#include "supervisor/spec.h"
#include "supervisor/state_file.h"

namespace topgun::supervisor {

using TimePoint = std::chrono::steady_clock::time_point;

class Process {
 public:
  enum class Phase { kIdle, kWaiting, kStarting, kReady, kStopping, kEnded };

  // `spec` has its ports substituted. With `log_path` empty, output goes to our stderr.
  Process(ProcessSpec spec, std::string lock_path, std::string log_path);

  void Start(TimePoint now);
  void Stop(TimePoint now);
  // Stops it as Stop() does, and starts it again. `grace`: the time until SIGKILL, if it is to be
  // another one than that of the spec.
  void Restart(TimePoint now, std::optional<std::chrono::milliseconds> grace = {});
  void OnExit(int wait_status, TimePoint now);
  // Does whatever is due: start, probe, kill, rotate the log.
  void Tick(TimePoint now);

  const ProcessSpec& spec() const { return spec_; }
  Phase phase() const { return phase_; }
  pid_t pid() const { return pid_; }
  int failures() const { return policy_.failures(); }
  // How it ended the last time: "status 0", "signal 9"; empty before.
  const std::string& last_exit() const { return last_exit_; }
  // True while Tick() should be called often.
  bool Busy() const {
    return phase_ == Phase::kWaiting || phase_ == Phase::kStarting || phase_ == Phase::kStopping;
  }

 private:
  void StopWithin(std::chrono::milliseconds grace, TimePoint now);
  void TryStart(TimePoint now);
  void CheckReady(TimePoint now);
  Status Launch(int lock_fd);

  const ProcessSpec spec_;
  const std::string lock_path_;
  const std::string log_path_;
  RestartPolicy policy_;
  Phase phase_ = Phase::kIdle;
  pid_t pid_ = 0;
  TimePoint due_;                       // of the next start, of the next probe, or of SIGKILL
  std::chrono::milliseconds grace_{0};  // of the stop in progress
  std::chrono::milliseconds probe_every_{0};
  bool waits_for_lock_ = false;
  bool restarts_ = false;  // is being stopped to start again
  std::string last_exit_;
};

}  // namespace topgun::supervisor
