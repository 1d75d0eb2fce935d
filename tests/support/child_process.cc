#include "support/child_process.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

extern char** environ;

namespace topgun::support {
namespace {

struct Identity {
  uid_t uid;
  gid_t gid;
};

std::optional<Identity> IdentityOf(const std::string& user) {
  if (user.empty() || ::geteuid() != 0) return std::nullopt;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) throw std::runtime_error("no user named " + user);
  return Identity{entry->pw_uid, entry->pw_gid};
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec: system calls only, everything is prepared.
[[noreturn]] void BecomeChild(char** argv, char** env, const char* output,
                              const std::optional<Identity>& identity) {
  const int in = ::open("/dev/null", O_RDONLY);
  const int out = ::open(output, O_WRONLY | O_CREAT | O_APPEND, 0644);
  if (in < 0 || out < 0) ::_exit(126);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  if (identity && (::setgroups(0, nullptr) != 0 || ::setgid(identity->gid) != 0 ||
                   ::setuid(identity->uid) != 0)) {
    ::_exit(126);
  }
  // After setuid, which clears it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::execvpe(argv[0], argv, env);
  ::_exit(127);
}

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command, const Options& options) {
  const std::string output = options.output_path.empty() ? "/dev/null" : options.output_path;
  const std::optional<Identity> identity = IdentityOf(options.user);
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  environment.insert(environment.end(), options.environment.begin(), options.environment.end());
  const std::vector<char*> argv = Pointers(command);
  const std::vector<char*> env = Pointers(environment);

  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ == 0) {
    BecomeChild(const_cast<char**>(argv.data()), const_cast<char**>(env.data()), output.c_str(),
                identity);
  }
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), exit_code_(std::exchange(other.exit_code_, {})) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this == &other) return *this;
  Kill();
  pid_ = std::exchange(other.pid_, -1);
  exit_code_ = std::exchange(other.exit_code_, {});
  return *this;
}

bool ChildProcess::Running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  pid_ = -1;
  return false;
}

void ChildProcess::Signal(int signal) const {
  if (pid_ > 0) ::kill(pid_, signal);
}

bool ChildProcess::Wait(std::chrono::milliseconds patience) {
  return WaitUntil([this] { return !Running(); }, patience);
}

void ChildProcess::Kill() {
  Signal(SIGKILL);
  Wait();
}

void RunCommand(const std::vector<std::string>& command, const ChildProcess::Options& options) {
  ChildProcess child(command, options);
  if (!child.Wait(std::chrono::minutes(2)) || child.exit_code() != 0) {
    throw std::runtime_error(command.front() + " failed, see " + options.output_path);
  }
}

}  // namespace topgun::support
