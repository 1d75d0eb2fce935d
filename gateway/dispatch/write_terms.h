// What the client asks of an op beside applying it: how far it must have come before it is
// acknowledged, and until when the client waits for that (core.md 5.6). Values; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "wire/op.h"

namespace topgun::gateway {

// Timeouts outside these are moved to the nearer end; those that are not above zero are none.
inline constexpr std::chrono::milliseconds kOpTimeoutMin{1};
inline constexpr std::chrono::milliseconds kOpTimeoutMax{std::chrono::minutes(5)};

// What an OP_BATCH says for all its ops; an op's own word comes first.
struct BatchTerms {
  std::optional<wire::WriteConcern> concern = {};
  std::optional<double> timeout_ms = {};
  std::string_view error = {};  // not empty: refuses all ops
};

struct WriteTerms {
  using Time = std::chrono::steady_clock::time_point;
  static constexpr Time kNoDeadline = Time::max();

  wire::WriteConcern concern = wire::WriteConcern::kApplied;
  bool named = false;  // by the op itself: its ack tells the level for this op
  Time deadline = kNoDeadline;
};

WriteTerms::Time DeadlineOf(double timeout_ms, WriteTerms::Time now);

// `now` is when the frame arrived.
inline WriteTerms TermsOf(const wire::Op& op, const BatchTerms& batch, WriteTerms::Time now) {
  WriteTerms terms;
  terms.named = op.write_concern.has_value();
  if (terms.named) {
    terms.concern = *op.write_concern;
  } else if (batch.concern) {
    terms.concern = *batch.concern;
  }
  const std::optional<double>& timeout_ms = op.timeout_ms ? op.timeout_ms : batch.timeout_ms;
  if (timeout_ms) terms.deadline = DeadlineOf(*timeout_ms, now);
  return terms;
}

}  // namespace topgun::gateway
