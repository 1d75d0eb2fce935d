#include "dispatch/drain_schedule.h"

#include <algorithm>
#include <random>

namespace topgun::gateway {

DrainSchedule::DrainSchedule(std::vector<Item> items, std::chrono::milliseconds window_max,
                             uint64_t seed) {
  std::mt19937_64 random(seed);
  std::shuffle(items.begin(), items.end(), random);
  std::stable_sort(items.begin(), items.end(),
                   [](const Item& a, const Item& b) { return a.cost < b.cost; });
  uint64_t total = 0;
  for (const Item& item : items) total += item.cost;
  if (total == 0) return;

  const std::chrono::duration<double> bearable(static_cast<double>(total) /
                                               static_cast<double>(kCostPerSecond));
  const std::chrono::duration<double> window =
      std::min<std::chrono::duration<double>>(window_max, bearable);
  window_ = std::chrono::duration_cast<Duration>(window);
  std::uniform_real_distribution<double> within(0.0, 1.0);
  double spent = 0;
  due_.reserve(items.size());
  for (const Item& item : items) {
    const auto cost = static_cast<double>(item.cost);
    const double share = (spent + within(random) * cost) / static_cast<double>(total);
    due_.push_back({std::chrono::duration_cast<Duration>(window * share), item.id});
    spent += cost;
  }
}

std::optional<ConnectionId> DrainSchedule::TakeDue(Duration elapsed) {
  if (next_ == due_.size() || due_[next_].at > elapsed) return std::nullopt;
  return due_[next_++].id;
}

}  // namespace topgun::gateway
