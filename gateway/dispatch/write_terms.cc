#include "dispatch/write_terms.h"

#include <algorithm>

namespace topgun::gateway {

// Any number may come, not-a-number too.
WriteTerms::Time DeadlineOf(double timeout_ms, WriteTerms::Time now) {
  if (!(timeout_ms > 0)) return WriteTerms::kNoDeadline;
  const std::chrono::duration<double, std::milli> timeout(
      std::clamp(timeout_ms, static_cast<double>(kOpTimeoutMin.count()),
                 static_cast<double>(kOpTimeoutMax.count())));
  return now + std::chrono::duration_cast<WriteTerms::Time::duration>(timeout);
}

}  // namespace topgun::gateway
