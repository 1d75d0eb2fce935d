#include "profiling/cpu_sampler.h"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "profiling/threads.h"
#include "recording.h"

namespace topgun::profiling {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

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

  Impl(std::unique_ptr<Recording> wanted, const CpuSamplerOptions& options)
      : recording(std::move(wanted)), period_ns(kNanosPerSecond / options.samples_per_second) {}

  void Follow(int thread);
  void StopTimers();

  const std::unique_ptr<Recording> recording;
  const int64_t period_ns;
  const int64_t began_ns = WallNanos();
  std::map<int, Thread> threads;
  std::minstd_rand random{std::random_device()()};
};

void CpuSampler::Impl::Follow(int thread) {
  const auto [entry, is_new] = threads.try_emplace(thread);
  if (!is_new) return;
  // Anywhere in the period, so that threads that work for a moment only are not all missed alike.
  std::uniform_int_distribution<int64_t> first(1, period_ns);
  entry->second.name = ThreadName(thread);
  entry->second.timer = StartTimer(thread, period_ns, first(random));
}

void CpuSampler::Impl::StopTimers() {
  for (auto& [id, thread] : threads) {
    if (thread.timer) timer_delete(*thread.timer);
    thread.timer.reset();
  }
  recording->Stop();
}

StatusOr<std::unique_ptr<CpuSampler>> CpuSampler::Start(CpuSamplerOptions options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Recording> recording, Recording::Start(options.buffer_bytes));
  std::unique_ptr<CpuSampler> sampler(
      new CpuSampler(std::make_unique<Impl>(std::move(recording), options)));
  sampler->FollowThreads();
  const auto& threads = sampler->impl_->threads;
  if (std::none_of(threads.begin(), threads.end(),
                   [](const auto& entry) { return entry.second.timer.has_value(); })) {
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
  impl_->recording->buffer().ForEach([&](const SampleBuffer::Record& record) {
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

uint64_t CpuSampler::dropped() const { return impl_->recording->buffer().dropped(); }

}  // namespace topgun::profiling
