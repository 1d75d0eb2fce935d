// A private redis-server: unix socket only, append-only file, in a directory of its own.
//
// Ready when the constructor returns. Owned by one thread. Errors are exceptions.
#pragma once

#include <signal.h>

#include <string>
#include <vector>

#include "support/child_process.h"
#include "support/temp_dir.h"

namespace topgun::support {

class RedisServer {
 public:
  // `arguments` follow ours on the command line and win, e.g. {"--maxmemory", "64mb"}.
  explicit RedisServer(std::vector<std::string> arguments = {});

  std::string socket_path() const { return dir_ / "redis.sock"; }
  std::string address() const { return "unix:" + socket_path(); }  // redis::ConnectionOptions
  const std::string& dir() const { return dir_.path(); }
  std::string log_path() const { return dir_ / "redis.log"; }

  void Start();  // no-op while it runs
  // SIGTERM writes the append-only file out; SIGKILL loses what the system did not get yet.
  void Stop(int signal = SIGTERM);
  void Restart(int signal = SIGTERM);
  void Pause() const { process_.Signal(SIGSTOP); }  // alive, but says nothing
  void Resume() const { process_.Signal(SIGCONT); }

 private:
  std::vector<std::string> arguments_;
  TempDir dir_;
  ChildProcess process_;
};

}  // namespace topgun::support
