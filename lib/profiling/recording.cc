#include "recording.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <thread>

#include "stack_walk.h"

namespace topgun::profiling {
namespace {

// The state of the signal handler, which has no other way to get at anything. Null: no recording.
std::atomic<SampleBuffer*> g_buffer{nullptr};
std::atomic<int> g_handlers_running{0};
std::atomic<bool> g_taken{false};

// Our timers, and InterruptThread(); anybody else may send SIGPROF with kill().
bool IsOurs(const siginfo_t& info) {
  return info.si_code == SI_TIMER || (info.si_code == SI_QUEUE && info.si_pid == getpid());
}

void OnSignal(int, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  g_handlers_running.fetch_add(1);
  if (SampleBuffer* const buffer = g_buffer.load(); buffer != nullptr && IsOurs(*info)) {
    std::array<uint64_t, kStackDepthMax> addresses;
    const size_t depth = WalkInterruptedStack(context, addresses.data(), addresses.size());
    const int overrun = info->si_code == SI_TIMER ? info->si_overrun : 0;
    buffer->Add(info->si_value.sival_int, static_cast<uint32_t>(overrun) + 1, addresses.data(),
                depth);
  }
  g_handlers_running.fetch_sub(1);
  errno = saved_errno;
}

bool InstallHandler() {
  struct sigaction action {};
  action.sa_sigaction = &OnSignal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  sigemptyset(&action.sa_mask);
  return sigaction(SIGPROF, &action, nullptr) == 0;
}

}  // namespace

StatusOr<std::unique_ptr<Recording>> Recording::Start(size_t buffer_bytes) {
  if (g_taken.exchange(true)) return FailedPrecondition("stacks are being recorded already");
  std::unique_ptr<Recording> recording(new Recording(buffer_bytes));
  if (!recording->buffer_.usable() || !InstallHandler()) {
    return Unavailable("no memory for stacks, or no signal handler");
  }
  PrepareStackWalk();
  g_buffer = &recording->buffer_;
  return recording;
}

void Recording::Stop() {
  if (stopped_) return;
  stopped_ = true;
  g_buffer = nullptr;
  // A handler that begins now does not see the buffer any more.
  while (g_handlers_running.load() != 0) std::this_thread::yield();
  g_taken = false;
}

bool InterruptThread(int thread) {
  siginfo_t info{};
  info.si_signo = SIGPROF;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_value.sival_int = thread;
  return syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, SIGPROF, &info) == 0;
}

}  // namespace topgun::profiling
