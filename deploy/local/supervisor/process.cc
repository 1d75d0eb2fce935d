#include "supervisor/process.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "logging/logging.h"
#include "supervisor/child.h"
#include "supervisor/log_file.h"
#include "supervisor/probe.h"

namespace topgun::supervisor {
namespace {

constexpr std::string_view kProcessComponent = "process";
constexpr std::chrono::milliseconds kLockRetry{100};
// A probe can leave a line in the log of the process, so they become rarer.
constexpr std::chrono::milliseconds kProbeEveryMin{10};
constexpr std::chrono::milliseconds kProbeEveryMax{160};

std::string DescribeExit(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "signal " + std::to_string(WTERMSIG(wait_status));
  return "status " + std::to_string(WEXITSTATUS(wait_status));
}

}  // namespace

Process::Process(ProcessSpec spec, std::string lock_path, std::string log_path)
    : spec_(std::move(spec)), lock_path_(std::move(lock_path)), log_path_(std::move(log_path)) {}

void Process::Start(TimePoint now) {
  phase_ = Phase::kWaiting;
  due_ = now;
}

void Process::Stop(TimePoint now) { StopWithin(spec_.stop_timeout, now); }

void Process::StopWithin(std::chrono::milliseconds grace, TimePoint now) {
  restarts_ = false;
  // A service takes a second signal for the wish to end at once, without its orderly end.
  if (phase_ == Phase::kStopping) return;
  if (pid_ == 0) {
    phase_ = Phase::kEnded;
    return;
  }
  phase_ = Phase::kStopping;
  grace_ = grace;
  due_ = now + grace_;
  kill(pid_, spec_.stop_signal);
}

void Process::Restart(TimePoint now, std::optional<std::chrono::milliseconds> grace) {
  StopWithin(grace.value_or(spec_.stop_timeout), now);
  if (phase_ == Phase::kEnded) return Start(now);
  restarts_ = true;
}

void Process::OnExit(int wait_status, TimePoint now) {
  pid_ = 0;
  last_exit_ = DescribeExit(wait_status);
  if (phase_ == Phase::kStopping) {
    phase_ = Phase::kEnded;
    logging::Info(kProcessComponent, "stopped", {{"name", spec_.name}, {"exit", last_exit_}});
    if (std::exchange(restarts_, false)) Start(now);
    return;
  }
  const std::chrono::milliseconds delay = policy_.NoteExit();
  phase_ = Phase::kWaiting;
  due_ = now + delay;
  logging::Warning(kProcessComponent, "ended, will be started again",
                   {{"name", spec_.name},
                    {"exit", last_exit_},
                    {"delay_ms", delay.count()},
                    {"failures", policy_.failures()}});
}

void Process::Tick(TimePoint now) {
  if (!log_path_.empty()) RotateLog(log_path_);
  if (phase_ == Phase::kWaiting && now >= due_) {
    TryStart(now);
  } else if (phase_ == Phase::kStarting && now >= due_) {
    CheckReady(now);
  } else if (phase_ == Phase::kStopping && now >= due_) {
    logging::Warning(kProcessComponent, "does not stop, killing it", {{"name", spec_.name}});
    kill(-pid_, SIGKILL);  // its whole session
    due_ = now + grace_;
  }
}

void Process::CheckReady(TimePoint now) {
  if (IsReady(spec_.probe)) {
    phase_ = Phase::kReady;
    policy_.NoteReady();
    logging::Info(kProcessComponent, "ready", {{"name", spec_.name}, {"pid", pid_}});
    return;
  }
  due_ = now + probe_every_;
  probe_every_ = std::min(probe_every_ * 2, kProbeEveryMax);
}

void Process::TryStart(TimePoint now) {
  const StatusOr<int> lock = TryLock(lock_path_);
  if (!lock.ok()) {
    if (!std::exchange(waits_for_lock_, true)) {
      logging::Warning(kProcessComponent, "waiting for an earlier process of this name to end",
                       {{"name", spec_.name}, {"reason", Message(lock.status())}});
    }
    due_ = now + kLockRetry;
    return;
  }
  waits_for_lock_ = false;
  const Status launched = Launch(*lock);
  close(*lock);
  if (launched.ok()) {
    phase_ = Phase::kStarting;
    due_ = now;
    probe_every_ = kProbeEveryMin;
  } else {
    due_ = now + policy_.NoteExit();
    logging::Error(kProcessComponent, "cannot be started",
                   {{"name", spec_.name}, {"reason", Message(launched)}});
  }
}

Status Process::Launch(int lock_fd) {
  int output_fd = STDERR_FILENO;
  if (!log_path_.empty()) {
    ASSIGN_OR_RETURN(output_fd, OpenLog(log_path_));
  }
  const StatusOr<pid_t> pid = Spawn({.args = spec_.args,
                                     .unset_env = spec_.unset_env,
                                     .user = spec_.user,
                                     .death_signal = spec_.stop_signal,
                                     .output_fd = output_fd,
                                     .lock_fd = lock_fd});
  if (!log_path_.empty()) close(output_fd);
  if (!pid.ok()) return pid.status();
  pid_ = *pid;
  return OkStatus();
}

}  // namespace topgun::supervisor
