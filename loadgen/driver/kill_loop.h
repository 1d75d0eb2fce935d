// Runs the command of --kill-cmd every so often while load is measured, never two at a time.
//
// On a thread of its own from construction to Stop(), which also passes on what the command says:
// to `output`, each line behind "kill-cmd: ". The methods are for the thread that executes the run.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>

#include "config.h"
#include "driver/kill_report.h"

namespace topgun::loadgen {

class KillLoop {
 public:
  struct Options {
    std::string command;
    std::chrono::milliseconds every{0};  // above 0; the first is one period after Begin()
    std::FILE* output = stderr;          // null: what the command says is dropped
    // How long Stop() waits for a command that still runs before it kills its process group.
    std::chrono::milliseconds grace{2'000};
  };

  explicit KillLoop(Options options);
  ~KillLoop();
  KillLoop(const KillLoop&) = delete;
  KillLoop& operator=(const KillLoop&) = delete;

  // The measurement begins. The first call counts.
  void Begin();
  // It is over: nothing is started any more, what runs may end.
  void Calm();
  // How many were begun since the last call.
  uint64_t TakeBegun() { return begun_.exchange(0); }
  // Waits for the command, kills it after the grace, and ends the thread.
  KillReport Stop();

 private:
  using Clock = std::chrono::steady_clock;

  void Loop();
  void StartDue();
  void Launch();
  void Reap();
  void EndLast();
  void Conclude(const std::string& failure);
  // Passes on what has been said; waits for it a moment.
  void Listen();
  void Say(const std::string& line);

  const Options options_;
  const Clock::time_point created_ = Clock::now();
  // One pipe for all: what a command leaves in the background may go on writing until the end.
  int read_fd_ = -1;
  int write_fd_ = -1;

  std::atomic<int64_t> begun_at_ns_{0};  // steady time; 0: not yet
  std::atomic<bool> calm_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> begun_{0};

  // The thread's.
  pid_t pid_ = -1;  // of the command that runs
  Clock::time_point started_;
  int64_t due_done_ = 0;
  std::string line_;  // as far as it has come
  std::string last_line_;
  KillReport report_;

  std::thread thread_;
};

// As the command line says it, which has a command.
KillLoop::Options KillOptions(const Config& config);

}  // namespace topgun::loadgen
