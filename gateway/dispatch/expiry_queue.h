// The rows of one live map that a TTL will hide, by the time at which it does (core.md 4.1).
//
// All queues of a loop share a budget of bytes. Beyond it a queue gives up the row that expires
// last and remembers only that time: when it comes, the map has to be read again, so that no row
// stays on show.
//
// Owned by the loop; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "crdt/string_map.h"

namespace topgun::gateway {

// Outlives the queues.
struct ExpiryBudget {
  const size_t bytes_max;
  size_t bytes = 0;  // in use
  size_t rows = 0;
};

class ExpiryQueue {
 public:
  explicit ExpiryQueue(ExpiryBudget& budget) : budget_(budget) {}
  ~ExpiryQueue() { Clear(); }
  ExpiryQueue(const ExpiryQueue&) = delete;
  ExpiryQueue& operator=(const ExpiryQueue&) = delete;

  // The row is hidden once the wall clock is past `expires_ms`; replaces what was known of the key.
  void Set(std::string_view key, double expires_ms);
  // The row does not expire any more. False when it was not going to.
  bool Cancel(std::string_view key);
  // Takes out the next row that is hidden at `now_ms`.
  std::optional<std::string> PopHidden(int64_t now_ms);
  // True once when a row that was given up is hidden at `now_ms`.
  bool TakeOverflow(int64_t now_ms);
  void Clear();

  bool empty() const { return by_key_.empty(); }
  // Time will bring something: a row that is hidden, or one that was given up.
  bool waits() const { return !empty() || overflow_ms_.has_value(); }
  size_t size() const { return by_key_.size(); }

 private:
  using ByKey = crdt::StringMap<double>;

  void Erase(ByKey::iterator it);

  ExpiryBudget& budget_;
  ByKey by_key_;
  std::set<std::pair<double, std::string_view>> by_time_;  // the keys are those of by_key_
  std::optional<double> overflow_ms_;                      // when the first row given up expires
};

}  // namespace topgun::gateway
