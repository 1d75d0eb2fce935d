#include "profiling/cpu_sampler.h"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "profiling/threads.h"
#include "sample_buffer.h"
#include "stack_walk.h"

namespace topgun::profiling {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

// The state of the signal handler, which has no other way to get at anything. Null between runs.
std::atomic<SampleBuffer*> g_buffer{nullptr};
std::atomic<int> g_handlers_running{0};
std::atomic<bool> g_taken{false};

void OnSignal(int, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  g_handlers_running.fetch_add(1);
  // Only what our timers sent: anybody may send SIGPROF with kill().
  if (SampleBuffer* const buffer = g_buffer.load();
      buffer != nullptr && info->si_code == SI_TIMER) {
    std::array<uint64_t, kStackDepthMax> addresses;
    const size_t depth = WalkInterruptedStack(context, addresses.data(), addresses.size());
    buffer->Add(info->si_value.sival_int, static_cast<uint32_t>(info->si_overrun) + 1,
                addresses.data(), depth);
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

// The clock that pthread_getcpuclockid() gives for a pthread_t, for a thread known by its id.
clockid_t CpuClockOf(int thread) { return (~static_cast<clockid_t>(thread) << 3) | 6; }

// A timer that interrupts `thread` after each `period_ns` of its CPU time. (A null timer_t is one.)
std::optional<timer_t> StartTimer(int thread, int64_t period_ns, int64_t first_ns) {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGPROF;
  event.sigev_value.sival_int = thread;
  event._sigev_un._tid = thread;
  timer_t timer = nullptr;
  if (timer_create(CpuClockOf(thread), &event, &timer) != 0) return std::nullopt;
  itimerspec spec{};
  spec.it_interval.tv_nsec = static_cast<decltype(spec.it_interval.tv_nsec)>(period_ns);
  spec.it_value.tv_nsec = static_cast<decltype(spec.it_value.tv_nsec)>(first_ns);
  if (timer_settime(timer, 0, &spec, nullptr) != 0) {
    timer_delete(timer);
    return std::nullopt;
  }
  return timer;
}

int64_t WallNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

struct CpuSampler::Impl {
  struct Thread {
    std::optional<timer_t> timer = {};  // none when it could not be had
    std::string name;
  };

  explicit Impl(const CpuSamplerOptions& options)
      : buffer(options.buffer_bytes), period_ns(kNanosPerSecond / options.samples_per_second) {}

  void Follow(int thread);
  void StopTimers();

  SampleBuffer buffer;
  const int64_t period_ns;
  const int64_t began_ns = WallNanos();
  std::map<int, Thread> threads;
  std::minstd_rand random{std::random_device()()};
  bool stopped = false;
};

void CpuSampler::Impl::Follow(int thread) {
  const auto [entry, is_new] = threads.try_emplace(thread);
  if (!is_new) return;
  // Anywhere in the period, so that threads that work for a moment only are not all missed alike.
  std::uniform_int_distribution<int64_t> first(1, period_ns);
  entry->second.name = ThreadName(thread);
  entry->second.timer = StartTimer(thread, period_ns, first(random));
}

// Afterwards no thread is in the handler, nor will be in more than its first lines.
void CpuSampler::Impl::StopTimers() {
  if (stopped) return;
  stopped = true;
  for (const auto& [id, thread] : threads) {
    if (thread.timer) timer_delete(*thread.timer);
  }
  g_buffer = nullptr;
  while (g_handlers_running.load() != 0) std::this_thread::yield();
  g_taken = false;
}

StatusOr<std::unique_ptr<CpuSampler>> CpuSampler::Start(CpuSamplerOptions options) {
  if (g_taken.exchange(true)) return FailedPrecondition("the CPU is being sampled already");
  auto impl = std::make_unique<Impl>(options);
  if (!impl->buffer.usable() || !InstallHandler()) {
    g_taken = false;
    return Unavailable("no memory for samples, or no signal handler");
  }
  PrepareStackWalk();
  g_buffer = &impl->buffer;
  std::unique_ptr<CpuSampler> sampler(new CpuSampler(std::move(impl)));
  sampler->FollowThreads();
  const auto& threads = sampler->impl_->threads;
  if (std::all_of(threads.begin(), threads.end(),
                  [](const auto& entry) { return !entry.second.timer; })) {
    return Unavailable("this system has no timers on the CPU time of threads");
  }
  return sampler;
}

CpuSampler::CpuSampler(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

CpuSampler::~CpuSampler() { impl_->StopTimers(); }

void CpuSampler::FollowThreads() {
  for (const int thread : ThreadIds()) impl_->Follow(thread);
}

Profile CpuSampler::Stop() {
  impl_->StopTimers();
  std::map<std::pair<int, std::vector<uint64_t>>, int64_t> sums;
  impl_->buffer.ForEach([&](const SampleBuffer::Record& record) {
    std::vector<uint64_t> stack(record.addresses, record.addresses + record.depth);
    sums[{record.thread, std::move(stack)}] += record.weight;
  });
  Profile profile;
  profile.types = {{"samples", "count"}, {"cpu", "nanoseconds"}};
  profile.period_type = {"cpu", "nanoseconds"};
  profile.period = impl_->period_ns;
  profile.time_ns = impl_->began_ns;
  profile.duration_ns = WallNanos() - impl_->began_ns;
  for (auto& [key, count] : sums) {
    profile.samples.push_back({.addresses = key.second,
                               .values = {count, count * impl_->period_ns},
                               .thread = impl_->threads[key.first].name});
  }
  if (dropped() > 0) {
    profile.comments.push_back(std::to_string(dropped()) + " samples found no room");
  }
  return profile;
}

uint64_t CpuSampler::dropped() const { return impl_->buffer.dropped(); }

}  // namespace topgun::profiling
