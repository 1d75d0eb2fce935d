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

}  // namespace

SignalWaiter::SignalWaiter() {
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int SignalWaiter::Wait() {
  const sigset_t signals = StopSignals();
  int received = 0;
  while (sigwait(&signals, &received) != 0) {
  }
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
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
