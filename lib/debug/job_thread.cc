#include "job_thread.h"

#include "base/thread_name.h"

namespace topgun::debug {

bool JobThread::Waiter::Wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop_, time, [] { return false; });
  return !stop_.stop_requested();
}

bool JobThread::TryStart(Job job) {
  if (busy_.exchange(true)) return false;
  if (thread_.joinable()) thread_.join();  // it has no more to do than to tell
  thread_ = std::jthread([this, job = std::move(job)](std::stop_token stop) {
    NameThread(name_);
    Waiter waiter(std::move(stop));
    const Tell tell = job(waiter);
    busy_ = false;
    tell();
  });
  return true;
}

}  // namespace topgun::debug
