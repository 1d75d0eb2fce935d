#include "rpc/shutdown.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "logging/logging.h"

namespace topgun::rpc {
namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

sigset_t AllSignals() {
  sigset_t signals = StopSignals();
  sigaddset(&signals, SIGHUP);
  return signals;
}

}  // namespace

SignalWaiter::SignalWaiter() {
  const sigset_t signals = AllSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // nohup ignores it, and what is ignored cannot be waited for.
  std::signal(SIGHUP, SIG_DFL);
  std::signal(SIGPIPE, SIG_IGN);
}

int SignalWaiter::Wait(const std::function<void()>& on_hangup) {
  const sigset_t signals = AllSignals();
  int received = SIGHUP;
  while (received == SIGHUP) {
    if (sigwait(&signals, &received) == 0 && received == SIGHUP && on_hangup) on_hangup();
  }
  const sigset_t stop = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);
  return received;
}

void SignalWaiter::RequestStop() { kill(getpid(), SIGTERM); }

void Drain::Step(std::string_view name,
                 const std::function<void(std::chrono::milliseconds left)>& run) {
  const auto start = Clock::now();
  run(Left());
  const std::chrono::duration<double> took = Clock::now() - start;
  logging::Info("drain", "step done",
                {{"step", name}, {"seconds", took.count()}, {"left_ms", Left().count()}});
}

std::chrono::milliseconds Drain::Left() const {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

}  // namespace topgun::rpc
