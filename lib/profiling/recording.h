// The handler of SIGPROF, and where the stacks go that it sees.
//
// While a recording exists, a thread that one of our timers or InterruptThread() interrupts writes
// its stack into the recording's buffer. The handler is async-signal-safe: it neither allocates nor
// locks. It stays installed after the first recording, because a late signal would end the process
// otherwise; between recordings nothing sends it.
//
// Signals belong to the process, so at most one recording exists at a time. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/status.h"
#include "sample_buffer.h"

namespace topgun::profiling {

class Recording {
 public:
  // FailedPrecondition while another one exists.
  static StatusOr<std::unique_ptr<Recording>> Start(size_t buffer_bytes);
  ~Recording() { Stop(); }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  // Afterwards no thread writes into the buffer any more. Idempotent.
  void Stop();
  const SampleBuffer& buffer() const { return buffer_; }

 private:
  explicit Recording(size_t buffer_bytes) : buffer_(buffer_bytes) {}

  SampleBuffer buffer_;
  bool stopped_ = false;
};

// Makes a thread of this process record its stack, wherever it is. False: there is no such thread.
bool InterruptThread(int thread);

}  // namespace topgun::profiling
