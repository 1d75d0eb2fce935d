// Hybrid logical timestamps: value type and total order (core.md 3.1, 3.2).
//
// Order: millis, counter, then node id by the bytes of its UTF-8. TimestampView borrows the node
// id and is what hot paths use; Timestamp owns it. Values; any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace topgun::crdt {

struct TimestampView {
  int64_t millis = 0;
  int64_t counter = 0;
  std::string_view node_id;

  friend std::strong_ordering operator<=>(const TimestampView& a, const TimestampView& b) {
    if (const auto order = a.millis <=> b.millis; std::is_neq(order)) return order;
    if (const auto order = a.counter <=> b.counter; std::is_neq(order)) return order;
    return a.node_id.compare(b.node_id) <=> 0;
  }
  friend bool operator==(const TimestampView& a, const TimestampView& b) = default;
};

struct Timestamp {
  int64_t millis = 0;
  int64_t counter = 0;
  std::string node_id;

  Timestamp() = default;
  Timestamp(int64_t millis_in, int64_t counter_in, std::string node_id_in)
      : millis(millis_in), counter(counter_in), node_id(std::move(node_id_in)) {}
  explicit Timestamp(const TimestampView& v)
      : millis(v.millis), counter(v.counter), node_id(v.node_id) {}

  TimestampView view() const { return {millis, counter, node_id}; }

  friend std::strong_ordering operator<=>(const Timestamp& a, const Timestamp& b) {
    return a.view() <=> b.view();
  }
  friend bool operator==(const Timestamp& a, const Timestamp& b) = default;
};

// "<millis>:<counter>:<nodeId>".
std::string ToString(const TimestampView& timestamp);
// Accepts only ^\d+:\d+:.+$ without a further ':'.
StatusOr<Timestamp> ParseTimestamp(std::string_view text);

}  // namespace topgun::crdt
