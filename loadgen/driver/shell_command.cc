#include "driver/shell_command.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

extern char** environ;

namespace topgun::loadgen {
namespace {

constexpr const char* kShell = "/bin/sh";

struct SpawnActions {
  SpawnActions() { posix_spawn_file_actions_init(&value); }
  ~SpawnActions() { posix_spawn_file_actions_destroy(&value); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  posix_spawn_file_actions_t value;
};

struct SpawnAttributes {
  SpawnAttributes() { posix_spawnattr_init(&value); }
  ~SpawnAttributes() { posix_spawnattr_destroy(&value); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  posix_spawnattr_t value;
};

// A group of its own, and signals as a fresh process has them: SIGPIPE is ignored here.
void SetAttributes(posix_spawnattr_t* attributes) {
  sigset_t none;
  sigemptyset(&none);
  sigset_t ordinary;
  sigemptyset(&ordinary);
  for (const int signal : {SIGPIPE, SIGINT, SIGTERM}) sigaddset(&ordinary, signal);
  posix_spawnattr_setpgroup(attributes, 0);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &ordinary);
  posix_spawnattr_setflags(attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

}  // namespace

StatusOr<pid_t> StartShell(const std::string& command, int output_fd) {
  if (output_fd < 0) return Unavailable("there is no pipe for its output");
  SpawnActions actions;
  posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions.value, output_fd, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions.value, output_fd, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&actions.value, STDERR_FILENO + 1);
  SpawnAttributes attributes;
  SetAttributes(&attributes.value);
  std::string shell = kShell;
  std::string option = "-c";
  std::string text = command;
  char* const arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  pid_t pid = -1;
  const int error =
      posix_spawn(&pid, kShell, &actions.value, &attributes.value, arguments, environ);
  if (error != 0) return Unavailable(std::string(kShell) + ": " + std::strerror(error));
  return pid;
}

std::optional<int> ReapShell(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  return status;
}

void KillShell(pid_t pid) {
  kill(-pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

std::string ShellFailure(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    const char* const name = sigdescr_np(signal);
    return "signal " + std::to_string(signal) +
           (name == nullptr ? "" : " (" + std::string(name) + ")");
  }
  const int code = WEXITSTATUS(wait_status);
  return code == 0 ? "" : "exit status " + std::to_string(code);
}

}  // namespace topgun::loadgen
