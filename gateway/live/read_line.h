// Whose turn it is to be read: at most so many reads run at once, the others stand in line.
//
// Names are the caller's; a name stands in line at most once, so the line is as long as there are
// names. Pure; one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace topgun::gateway {

class ReadLine {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit ReadLine(size_t running_max) : running_max_(running_max) {}

  // Goes to the end of the line, or stays where it is.
  void Enter(uint64_t name);
  // Will do so at that time, or earlier if it was to before; not at all while it stands in line.
  void EnterAt(uint64_t name, Time at);
  // Lets those enter whose time has come.
  void Advance(Time now);

  // The first one in line begins its read; nothing when it has to wait.
  std::optional<uint64_t> Begin();
  // A read that began is over.
  void End() { --running_; }

  size_t waiting() const { return line_.size(); }
  // All that have not begun.
  void ForEach(const std::function<void(uint64_t name)>& visit) const;

 private:
  const size_t running_max_;
  size_t running_ = 0;
  std::deque<uint64_t> line_;
  absl::flat_hash_set<uint64_t> in_line_;
  absl::flat_hash_map<uint64_t, Time> later_;
};

}  // namespace topgun::gateway
