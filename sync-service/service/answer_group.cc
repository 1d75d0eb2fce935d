#include "service/answer_group.h"

namespace topgun::sync {

bool AnswerGroup::Add(uint64_t part_id, WriteResult result) {
  const bool refused = !result.status.ok();
  held_.push_back({part_id, std::move(result)});
  --open_;
  // A refusal is dealt with by the gateway, the sooner the better.
  if (open_ == 0 || released_ || refused) {
    Release();
    return false;
  }
  return held_.size() == 1;
}

void AnswerGroup::Release() {
  released_ = true;
  if (held_.empty()) return;
  send_(held_);
  held_.clear();
}

void HeldAnswers::Hold(std::shared_ptr<AnswerGroup> group, Time now) {
  DropEmpty();
  groups_.emplace_back(now, std::move(group));
}

size_t HeldAnswers::ReleaseOld(Time now) {
  size_t released = 0;
  while (!groups_.empty() && now - groups_.front().first >= kHoldMax) {
    if (groups_.front().second->holds()) ++released;
    groups_.front().second->Release();
    groups_.pop_front();
  }
  return released;
}

// Most groups are complete long before they are old, and in the order of their arrival.
void HeldAnswers::DropEmpty() {
  while (!groups_.empty() && !groups_.front().second->holds()) groups_.pop_front();
}

}  // namespace topgun::sync
