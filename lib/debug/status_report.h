// The state of the process as JSON: what the kernel and the allocator say, the settings, and the
// sections that the service has added. Sections are read where their state lives, without stopping
// it; one that does not answer in time (a loop that is stuck, or has ended) is named as silent.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "debug/debug_endpoints.h"

namespace topgun::debug {

class StatusReport {
 public:
  static constexpr std::chrono::milliseconds kPatience{2'000};

  explicit StatusReport(const DebugOptions& options) : options_(options) {}

  // Before the first Collect().
  void Add(std::string name, SectionReader read);
  // Waits for the sections; not on a thread that one of them needs.
  std::string Collect(std::chrono::milliseconds patience = kPatience) const;

 private:
  const DebugOptions& options_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::vector<std::pair<std::string, SectionReader>> sections_;
};

}  // namespace topgun::debug
