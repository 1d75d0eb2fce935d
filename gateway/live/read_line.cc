#include "live/read_line.h"

#include <algorithm>
#include <vector>

namespace topgun::gateway {

void ReadLine::Enter(uint64_t name) {
  later_.erase(name);
  if (in_line_.insert(name).second) line_.push_back(name);
}

void ReadLine::EnterAt(uint64_t name, Time at) {
  if (in_line_.contains(name)) return;
  const auto [found, inserted] = later_.emplace(name, at);
  found->second = std::min(found->second, at);
}

void ReadLine::Advance(Time now) {
  std::vector<uint64_t> due;
  for (const auto& [name, at] : later_) {
    if (at <= now) due.push_back(name);
  }
  for (const uint64_t name : due) Enter(name);
}

std::optional<uint64_t> ReadLine::Begin() {
  if (running_ == running_max_ || line_.empty()) return std::nullopt;
  const uint64_t name = line_.front();
  line_.pop_front();
  in_line_.erase(name);
  ++running_;
  return name;
}

void ReadLine::ForEach(const std::function<void(uint64_t name)>& visit) const {
  for (const uint64_t name : line_) visit(name);
  for (const auto& [name, at] : later_) visit(name);
}

}  // namespace topgun::gateway
