#include "dispatch/journal/hold_back.h"

#include <utility>

namespace topgun::gateway {

void HoldBack::Add(JournalEventPtr event) {
  const size_t size = event->size();
  const state::JournalSequence sequence = event->sequence;
  const bool added = held_.try_emplace(sequence, Held{std::move(event), tick_}).second;
  if (added) bytes_ += size;
}

std::vector<JournalEventPtr> HoldBack::TakeDue() {
  ++tick_;
  size_t due = 0;
  size_t place = 0;
  for (const auto& [sequence, held] : held_) {
    ++place;
    if (held.tick + kTicksHeld <= tick_) due = place;
  }
  std::vector<JournalEventPtr> taken;
  while (!held_.empty() && (taken.size() < due || overfull())) {
    JournalEventPtr& first = held_.begin()->second.event;
    bytes_ -= first->size();
    taken.push_back(std::move(first));
    held_.erase(held_.begin());
  }
  return taken;
}

}  // namespace topgun::gateway
