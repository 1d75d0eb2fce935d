// What the client asks of an op beside applying it: how far it must have come before it is
// acknowledged, and until when the client waits for that (core.md 5.6). Values; any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "wire/op.h"

namespace topgun::gateway {

// Timeouts outside these are refused.
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

// Why the timeout is refused; empty when it is not.
std::string TimeoutProblem(const std::optional<double>& timeout_ms);

// `now` is when the frame arrived. The timeouts must be good.
inline WriteTerms TermsOf(const wire::Op& op, const BatchTerms& batch, WriteTerms::Time now) {
  WriteTerms terms;
  terms.named = op.write_concern.has_value();
  if (terms.named) {
    terms.concern = *op.write_concern;
  } else if (batch.concern) {
    terms.concern = *batch.concern;
  }
  const std::optional<double>& timeout_ms = op.timeout_ms ? op.timeout_ms : batch.timeout_ms;
  if (timeout_ms) {
    terms.deadline = now + std::chrono::duration_cast<WriteTerms::Time::duration>(
                               std::chrono::duration<double, std::milli>(*timeout_ms));
  }
  return terms;
}

}  // namespace topgun::gateway
