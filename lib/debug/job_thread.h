// A thread for what takes long, one job at a time. Used by the admin thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

namespace topgun::debug {

class JobThread {
 public:
  // `name` is the thread's.
  explicit JobThread(std::string name) : name_(std::move(name)) {}

  // What a job uses to wait: false as soon as the process wants to end.
  class Waiter {
   public:
    explicit Waiter(std::stop_token stop) : stop_(std::move(stop)) {}
    bool Wait(std::chrono::milliseconds time);

   private:
    std::stop_token stop_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
  };
  // Returns what tells the result, which runs when the next job may start: who has an answer may
  // ask again at once.
  using Tell = std::function<void()>;
  using Job = std::function<Tell(Waiter&)>;

  // False while another job runs.
  bool TryStart(Job job);

 private:
  const std::string name_;
  std::atomic<bool> busy_{false};
  std::jthread thread_;  // its destructor asks it to stop and joins
};

}  // namespace topgun::debug
