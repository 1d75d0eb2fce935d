// Where interrupted threads write their stacks: a fixed piece of memory, filled by many threads
// without a lock and read by one after all have finished. Pages count as used only once written.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace topgun::profiling {

inline constexpr size_t kStackDepthMax = 128;

class SampleBuffer {
 public:
  explicit SampleBuffer(size_t bytes);
  ~SampleBuffer();
  SampleBuffer(const SampleBuffer&) = delete;
  SampleBuffer& operator=(const SampleBuffer&) = delete;

  bool usable() const { return words_ != nullptr; }
  // Async-signal-safe. `weight` is the number of timer periods that the sample stands for.
  void Add(int thread, uint32_t weight, const uint64_t* addresses, size_t depth);

  struct Record {
    int thread;
    uint32_t weight;
    const uint64_t* addresses;
    size_t depth;
  };
  // When no thread is in Add() any more.
  void ForEach(const std::function<void(const Record&)>& visit) const;
  size_t count() const { return count_.load(std::memory_order_relaxed); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  const size_t capacity_;      // in words
  uint64_t* words_ = nullptr;  // records: thread and weight, depth, addresses
  std::atomic<size_t> used_{0};
  std::atomic<size_t> count_{0};
  std::atomic<uint64_t> dropped_{0};
};

}  // namespace topgun::profiling
