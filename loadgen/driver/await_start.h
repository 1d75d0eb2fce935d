// Waiting for the start of a run whose connections live on the calling thread.
#pragma once

#include <chrono>
#include <future>

#include "stats/interval.h"

namespace topgun::loadgen {

// Tells the observer (null: nobody) that all is ready, and calls `turn` until it says whether to
// begin: heartbeats must go on meanwhile.
template <typename Turn>
bool AwaitStart(RunObserver* observer, Turn turn) {
  if (observer == nullptr) return true;
  auto started = std::async(std::launch::async, [observer] { return observer->OnConnected(); });
  while (started.wait_for(std::chrono::seconds(0)) != std::future_status::ready) turn();
  return started.get();
}

}  // namespace topgun::loadgen
