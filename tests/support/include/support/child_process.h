// A program run by a test: killed when the test goes, whatever way it goes.
//
// Owned by one thread; the child dies with the thread that started it. Errors are exceptions, which
// fail the test.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support/wait.h"

namespace topgun::support {

class ChildProcess {
 public:
  struct Options {
    std::string output_path;               // stdout and stderr are appended; empty: dropped
    std::string user;                      // run as this user when we are root
    std::vector<std::string> environment;  // NAME=value on top of our own
  };

  ChildProcess() = default;
  // `command[0]` is searched in PATH.
  ChildProcess(const std::vector<std::string>& command, const Options& options);
  ~ChildProcess() { Kill(); }
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;

  pid_t pid() const { return pid_; }
  // Collects the child when it has ended.
  bool Running();
  // Exit code, or 128 + the signal that ended it; empty while running.
  std::optional<int> exit_code() const { return exit_code_; }

  void Signal(int signal) const;
  // False when it still runs after `patience`.
  bool Wait(std::chrono::milliseconds patience = kPatience);
  void Kill();  // SIGKILL, then waits

 private:
  pid_t pid_ = -1;  // -1: never started, or collected
  std::optional<int> exit_code_;
};

// Runs a command to its end and throws unless it exits with 0.
void RunCommand(const std::vector<std::string>& command, const ChildProcess::Options& options);

}  // namespace topgun::support
