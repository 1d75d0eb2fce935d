#include "profiling/thread_stacks.h"

#include <algorithm>
#include <memory>
#include <thread>

#include "profiling/threads.h"
#include "recording.h"

namespace topgun::profiling {

StatusOr<std::vector<ThreadStack>> ReadThreadStacks(std::chrono::milliseconds patience) {
  constexpr size_t kBufferBytes = size_t{4} << 20;  // of some thousand threads
  ASSIGN_OR_RETURN(const std::unique_ptr<Recording> recording, Recording::Start(kBufferBytes));
  std::vector<ThreadStack> stacks;
  for (const int thread : ThreadIds()) {
    std::string name = ThreadName(thread);
    if (!InterruptThread(thread)) continue;  // it has ended
    stacks.push_back({.thread = thread, .name = std::move(name), .addresses = {}});
  }
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (recording->buffer().count() < stacks.size() &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  recording->Stop();
  recording->buffer().ForEach([&](const SampleBuffer::Record& record) {
    const auto of_thread = [&](const ThreadStack& stack) { return stack.thread == record.thread; };
    const auto found = std::find_if(stacks.begin(), stacks.end(), of_thread);
    if (found == stacks.end()) return;
    found->addresses.assign(record.addresses, record.addresses + record.depth);
  });
  return stacks;
}

}  // namespace topgun::profiling
