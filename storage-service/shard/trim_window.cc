#include "shard/trim_window.h"

namespace topgun::storage {
namespace {

constexpr int kSamplesPerWindow = 64;

}  // namespace

void TrimWindow::Persisted(state::Position position, uint64_t bytes, int64_t now_ms) {
  if (bytes < latest_.bytes) samples_.clear();  // Redis was emptied and counts anew
  latest_ = {position, bytes, now_ms};
  const bool due = samples_.empty() || now_ms - samples_.back().ms >= age_ms_ / kSamplesPerWindow ||
                   bytes - samples_.back().bytes >= bytes_max_ / kSamplesPerWindow;
  if (due && (samples_.empty() || samples_.back().position != position)) {
    samples_.push_back(latest_);
  }
}

state::Position TrimWindow::Boundary(int64_t now_ms) {
  // Samples only get older and deeper: whatever may go now is never asked for again.
  while (!samples_.empty()) {
    const Sample& oldest = samples_.front();
    const bool too_old = now_ms - oldest.ms >= age_ms_;
    const bool too_deep = latest_.bytes - oldest.bytes >= bytes_max_;
    if (!too_old && !too_deep) break;
    boundary_ = {oldest.position.incarnation, oldest.position.n + 1};
    samples_.pop_front();
  }
  return boundary_;
}

}  // namespace topgun::storage
