#include "driver/kill_loop.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <utility>

#include "driver/shell_command.h"

namespace topgun::loadgen {
namespace {

constexpr int kListenMs = 20;  // between two looks at clock and command
constexpr size_t kLineBytesMax = 4'096;

int64_t SinceEpochNs(std::chrono::steady_clock::time_point time) {
  return time.time_since_epoch() / std::chrono::nanoseconds(1);
}

double SecondsBetween(std::chrono::steady_clock::time_point begin,
                      std::chrono::steady_clock::time_point end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

KillLoop::KillLoop(Options options) : options_(std::move(options)) {
  // Without a pipe no command can be started, which is told as its failure.
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == 0) {
    read_fd_ = ends[0];
    write_fd_ = ends[1];
    fcntl(read_fd_, F_SETFL, O_NONBLOCK);
  }
  thread_ = std::thread([this] { Loop(); });
}

KillLoop::~KillLoop() {
  if (thread_.joinable()) Stop();
}

void KillLoop::Begin() {
  int64_t not_yet = 0;
  begun_at_ns_.compare_exchange_strong(not_yet, SinceEpochNs(Clock::now()));
}

void KillLoop::Calm() {
  if (begun_at_ns_ != 0) calm_ = true;
}

KillReport KillLoop::Stop() {
  stopping_ = true;
  thread_.join();
  for (const int fd : {read_fd_, write_fd_}) {
    if (fd >= 0) close(fd);
  }
  return report_;
}

void KillLoop::Loop() {
  while (!stopping_) {
    Listen();
    Reap();
    StartDue();
  }
  const Clock::time_point deadline = Clock::now() + options_.grace;
  while (pid_ > 0 && Clock::now() < deadline) {
    Listen();
    Reap();
  }
  EndLast();
  Listen();
  if (!line_.empty()) Say(std::exchange(line_, {}));
}

void KillLoop::StartDue() {
  const int64_t begun_at_ns = begun_at_ns_;
  if (begun_at_ns == 0 || calm_ || stopping_) return;
  const int64_t every_ns = std::chrono::nanoseconds(options_.every).count();
  const int64_t due = (SinceEpochNs(Clock::now()) - begun_at_ns) / every_ns;
  for (; due_done_ < due; ++due_done_) {
    if (pid_ > 0) {
      ++report_.skipped;
    } else {
      Launch();
    }
  }
}

void KillLoop::Launch() {
  started_ = Clock::now();
  ++report_.runs;
  ++begun_;
  last_line_.clear();
  const auto pid = StartShell(options_.command, write_fd_);
  if (pid.ok()) {
    pid_ = *pid;
  } else {
    Conclude(std::string(Message(pid.status())));
  }
}

void KillLoop::Reap() {
  if (pid_ < 0) return;
  const auto status = ReapShell(pid_);
  if (!status) return;
  Listen();  // its last words are part of how it failed
  pid_ = -1;
  Conclude(ShellFailure(*status));
}

void KillLoop::EndLast() {
  if (pid_ < 0) return;
  KillShell(std::exchange(pid_, -1));
  ++report_.cut_short;
  if (report_.executions.size() < KillReport::kExecutionsMax) {
    report_.executions.push_back({SecondsBetween(created_, started_),
                                  SecondsBetween(started_, Clock::now()),
                                  "killed at the end of the run"});
  }
}

void KillLoop::Conclude(const std::string& failure) {
  if (!line_.empty()) Say(std::exchange(line_, {}));
  if (!failure.empty()) {
    ++report_.failed;
    report_.last_failure = failure + (last_line_.empty() ? "" : ": " + last_line_);
  }
  if (report_.executions.size() == KillReport::kExecutionsMax) return;
  report_.executions.push_back(
      {SecondsBetween(created_, started_), SecondsBetween(started_, Clock::now()), failure});
}

void KillLoop::Listen() {
  pollfd ready{read_fd_, POLLIN, 0};
  poll(&ready, 1, kListenMs);
  char bytes[kLineBytesMax];
  ssize_t size = 0;
  // One that talks without end must not keep the loop from its clock.
  for (int turns = 0; turns < 64 && (size = read(read_fd_, bytes, sizeof bytes)) > 0; ++turns) {
    for (ssize_t i = 0; i < size; ++i) {
      if (bytes[i] != '\n') line_ += bytes[i];
      if (bytes[i] == '\n' || line_.size() == kLineBytesMax) Say(std::exchange(line_, {}));
    }
  }
}

void KillLoop::Say(const std::string& line) {
  if (!line.empty()) last_line_ = line;
  if (options_.output != nullptr) std::fputs(("kill-cmd: " + line + "\n").c_str(), options_.output);
}

KillLoop::Options KillOptions(const Config& config) {
  KillLoop::Options options;
  options.command = config.faults.kill_command;
  options.every = config.faults.kill_every;
  if (config.output.quiet) options.output = nullptr;
  return options;
}

}  // namespace topgun::loadgen
