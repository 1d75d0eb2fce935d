#include "supervisor/child.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace topgun::supervisor {
namespace {

constexpr int kLockFd = 3;
constexpr int kExitNotExecutable = 127;

struct Account {
  std::string name;
  uid_t uid;
  gid_t gid;
};

[[noreturn]] void Die(const char* what) {
  dprintf(STDERR_FILENO, "cannot start: %s: %s\n", what, std::strerror(errno));
  _exit(kExitNotExecutable);
}

void ResetSignals() {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  std::signal(SIGPIPE, SIG_DFL);
}

// Descriptors 0 to 2 and the lock, nothing else.
void SetUpDescriptors(const Launch& launch) {
  const int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0) Die("/dev/null");
  if (dup2(launch.output_fd, STDOUT_FILENO) < 0) Die("stdout");
  if (dup2(launch.output_fd, STDERR_FILENO) < 0) Die("stderr");
  if (launch.lock_fd == kLockFd) {
    fcntl(kLockFd, F_SETFD, 0);
  } else if (dup2(launch.lock_fd, kLockFd) < 0) {
    Die("lock");
  }
  close_range(kLockFd + 1, UINT_MAX, 0);
}

void BecomeUser(const Account& account) {
  if (initgroups(account.name.c_str(), account.gid) != 0) Die("initgroups");
  if (setgid(account.gid) != 0) Die("setgid");
  if (setuid(account.uid) != 0) Die("setuid");
}

[[noreturn]] void RunChild(const Launch& launch, const std::optional<Account>& account,
                           pid_t parent) {
  ResetSignals();
  SetUpDescriptors(launch);
  setsid();
  if (account) BecomeUser(*account);
  // After setuid, which clears it. The parent may have died before it was set.
  prctl(PR_SET_PDEATHSIG, launch.death_signal);
  if (getppid() != parent) _exit(kExitNotExecutable);
  for (const std::string& name : launch.unset_env) unsetenv(name.c_str());
  if (chdir("/") != 0) Die("chdir");

  std::vector<char*> argv;
  for (const std::string& arg : launch.args) argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  execv(argv[0], argv.data());
  Die(argv[0]);
}

StatusOr<Account> FindAccount(const std::string& user) {
  const passwd* entry = getpwnam(user.c_str());
  if (entry == nullptr) return NotFound("no user " + user);
  return Account{user, entry->pw_uid, entry->pw_gid};
}

}  // namespace

StatusOr<pid_t> Spawn(const Launch& launch) {
  std::optional<Account> account;
  if (!launch.user.empty() && geteuid() == 0) {
    ASSIGN_OR_RETURN(account, FindAccount(launch.user));
  }
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return Unavailable(std::string("fork: ") + std::strerror(errno));
  if (pid == 0) RunChild(launch, account, parent);
  return pid;
}

StatusOr<int> TryLock(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return Internal("cannot open " + path + ": " + std::strerror(errno));
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  close(fd);
  return Unavailable(path + " is held");
}

}  // namespace topgun::supervisor
