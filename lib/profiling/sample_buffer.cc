#include "sample_buffer.h"

#include <sys/mman.h>

#include <cstring>

namespace topgun::profiling {
namespace {

constexpr size_t kHeaderWords = 2;

}  // namespace

SampleBuffer::SampleBuffer(size_t bytes) : capacity_(bytes / sizeof(uint64_t)) {
  void* const memory = mmap(nullptr, capacity_ * sizeof(uint64_t), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory != MAP_FAILED) words_ = static_cast<uint64_t*>(memory);
}

SampleBuffer::~SampleBuffer() {
  if (words_ != nullptr) munmap(words_, capacity_ * sizeof(uint64_t));
}

void SampleBuffer::Add(int thread, uint32_t weight, const uint64_t* addresses, size_t depth) {
  const size_t size = kHeaderWords + depth;
  size_t at = used_.load(std::memory_order_relaxed);
  do {
    if (size > capacity_ - at) {
      dropped_.fetch_add(weight, std::memory_order_relaxed);
      return;
    }
  } while (!used_.compare_exchange_weak(at, at + size, std::memory_order_relaxed));
  words_[at] = (uint64_t{static_cast<uint32_t>(thread)} << 32) | weight;
  words_[at + 1] = depth;
  std::memcpy(words_ + at + kHeaderWords, addresses, depth * sizeof(uint64_t));
  count_.fetch_add(1, std::memory_order_relaxed);
}

void SampleBuffer::ForEach(const std::function<void(const Record&)>& visit) const {
  const size_t used = used_.load(std::memory_order_relaxed);
  for (size_t at = 0; at < used; at += kHeaderWords + words_[at + 1]) {
    visit({.thread = static_cast<int>(words_[at] >> 32),
           .weight = static_cast<uint32_t>(words_[at]),
           .addresses = words_ + at + kHeaderWords,
           .depth = words_[at + 1]});
  }
}

}  // namespace topgun::profiling
