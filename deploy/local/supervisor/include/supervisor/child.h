// Starts one program as a child process in a session of its own.
//
// The child gets `death_signal` when the supervisor dies in any way, runs in "/", reads /dev/null,
// and inherits exactly one further descriptor: the lock of its name. The lock therefore stays held
// until the process and everything it forked have ended (Postgres backends, Redis rewriting its
// file), whoever their parent is by then; starting the name anew has to wait for that.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/status.h"

namespace topgun::supervisor {

struct Launch {
  std::vector<std::string> args;       // args[0] is the path of the program
  std::vector<std::string> unset_env;  // variables not inherited
  std::string user;                    // account to run as; ignored unless the caller is root
  int death_signal = 0;
  int output_fd = -1;  // stdout and stderr; borrowed
  int lock_fd = -1;    // from TryLock(); borrowed
};

// The id of the child. A program that cannot be executed is a child that exits with 127.
StatusOr<pid_t> Spawn(const Launch& launch);

// A descriptor that holds the lock, closed on exec and owned by the caller. UNAVAILABLE while
// another process holds it.
StatusOr<int> TryLock(const std::string& path);

}  // namespace topgun::supervisor
