// A command of the user's that runs beside the load: one child process and what it starts.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/status.h"

namespace topgun::loadgen {

// Starts `/bin/sh -c command` in a process group of its own, so that it can be ended with all that
// it has started and an interrupt at the terminal is not for it. What it says on stdout and stderr
// goes to `output_fd`; stdin is empty. No other descriptor of this process is left to it: a copy of
// a client's socket would keep the connection open that the client closes.
StatusOr<pid_t> StartShell(const std::string& command, int output_fd);

// Its wait status once it has ended; nothing while it runs. Not to be called again after that.
std::optional<int> ReapShell(pid_t pid);

// Ends it and its process group at once. It must not have been reaped: nobody else may have its
// number by now.
void KillShell(pid_t pid);

// "exit status 1", "signal 9 (Killed)"; empty for success.
std::string ShellFailure(int wait_status);

}  // namespace topgun::loadgen
