#include "verify/ledger.h"

#include <algorithm>

#include "crdt/merge.h"
#include "workload/identity.h"

namespace topgun::loadgen {
namespace {

using wire::OpKind;

// Newer than the acknowledged write, and with a number that no write of a run has.
constexpr int64_t kPhantomAheadMs = 1;
constexpr uint64_t kPhantomIds = 1'000'000'000;

bool StampLess(const OrTag& tag, const OpStamp& stamp) {
  return std::pair(tag.millis, int64_t{tag.counter}) < std::pair(stamp.millis, stamp.counter);
}

}  // namespace

Ledger::Ledger(const KeySpace& keys, uint32_t run, uint32_t writers)
    : keys_(keys), run_(run), or_tags_(writers) {
  for (uint32_t writer = 0; writer < writers; ++writer) node_ids_.push_back(NodeId(run, writer));
  if (keys.HasLww()) newest_acked_.resize(keys.maps().size() * keys.keys());
}

bool Ledger::IsNewer(const LwwWrite& a, const LwwWrite& b) const {
  return crdt::CompareLww(View(b), View(a)) == crdt::MergeOutcome::kApplied;
}

crdt::TimestampView Ledger::View(const LwwWrite& write) const {
  return {write.stamp.millis, write.stamp.counter, node_ids_[write.writer]};
}

void Ledger::Raise(size_t slot, const LwwWrite& write) {
  LwwWrite& newest = newest_acked_[slot];
  if (newest.op_id == 0 || IsNewer(write, newest)) newest = write;
}

void Ledger::OnSent(uint32_t writer, Op& op) {
  std::vector<OrTag>& tags = or_tags_[writer];
  if (op.kind == OpKind::kOrAdd) {
    op.tag_index = static_cast<uint32_t>(tags.size());
    tags.push_back({op.stamp.millis, static_cast<uint32_t>(op.stamp.counter),
                    static_cast<uint16_t>(op.map), 0});
  } else if (op.kind == OpKind::kOrRemove) {
    tags[op.tag_index].state |= OrTag::kRemoveSent;
  }
}

void Ledger::OnAcked(uint32_t writer, const Op& op) {
  ++acked_ops_;
  switch (op.kind) {
    case OpKind::kOrAdd:
      or_tags_[writer][op.tag_index].state |= OrTag::kAddAcked;
      break;
    case OpKind::kOrRemove:
      or_tags_[writer][op.tag_index].state |= OrTag::kRemoveAcked;
      break;
    default:
      Raise(Slot(op.map, op.key), {op.stamp, writer, op.id, op.kind == OpKind::kRemove});
  }
}

void Ledger::OnUncertain(uint32_t writer, const Op& op) {
  if (op.kind == OpKind::kOrAdd || op.kind == OpKind::kOrRemove) return;  // as their state says
  uncertain_.push_back({op.map, op.key, {op.stamp, writer, op.id, op.kind == OpKind::kRemove}});
}

void Ledger::Merge(const Ledger& other) {
  for (size_t slot = 0; slot < newest_acked_.size(); ++slot) {
    if (other.newest_acked_[slot].op_id != 0) Raise(slot, other.newest_acked_[slot]);
  }
  uncertain_.insert(uncertain_.end(), other.uncertain_.begin(), other.uncertain_.end());
  for (size_t writer = 0; writer < or_tags_.size(); ++writer) {
    if (!other.or_tags_[writer].empty()) or_tags_[writer] = other.or_tags_[writer];
  }
  acked_ops_ += other.acked_ops_;
}

uint64_t Ledger::ClaimPhantomAcks(uint64_t count) {
  uint64_t claimed = 0;
  for (size_t slot = 0; slot < newest_acked_.size() && claimed < count; ++slot) {
    LwwWrite& newest = newest_acked_[slot];
    if (newest.op_id == 0) continue;
    newest.stamp.millis += kPhantomAheadMs;
    newest.op_id += kPhantomIds;
    newest.is_removal = false;
    ++claimed;
  }
  for (std::vector<OrTag>& tags : or_tags_) {
    for (; !tags.empty() && claimed < count; ++claimed) {
      OrTag phantom = tags.back();
      phantom.millis += kPhantomAheadMs;
      phantom.state = OrTag::kAddAcked;
      tags.push_back(phantom);
    }
  }
  acked_ops_ += claimed;
  return claimed;
}

const LwwWrite* Ledger::NewestAcked(uint32_t map, uint64_t key) const {
  const LwwWrite& newest = newest_acked_[Slot(map, key)];
  return newest.op_id == 0 ? nullptr : &newest;
}

std::vector<LwwUncertain> Ledger::UncertainOf(uint32_t map) const {
  std::vector<LwwUncertain> found;
  std::copy_if(uncertain_.begin(), uncertain_.end(), std::back_inserter(found),
               [map](const LwwUncertain& write) { return write.map == map; });
  return found;
}

const OrTag* Ledger::FindTag(uint32_t writer, const OpStamp& stamp) const {
  if (writer >= or_tags_.size()) return nullptr;
  const std::vector<OrTag>& tags = or_tags_[writer];
  const auto found = std::lower_bound(tags.begin(), tags.end(), stamp, StampLess);
  const bool matches = found != tags.end() && found->millis == stamp.millis &&
                       int64_t{found->counter} == stamp.counter;
  return matches ? &*found : nullptr;
}

}  // namespace topgun::loadgen
