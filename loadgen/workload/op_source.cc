#include "workload/op_source.h"

#include <utility>

namespace topgun::loadgen {

using wire::OpKind;

OpSource::OpSource(const KeySpace& keys, const Spec& spec, std::string node_id)
    : keys_(keys),
      remove_ratio_(spec.remove_ratio),
      maps_in_turn_(spec.keys.distribution == KeyDistribution::kSequential),
      random_(spec.seed),
      picker_(spec.keys),
      hlc_(std::move(node_id), clock_) {}

// Sequential keys fill one map after the other evenly; otherwise maps are drawn.
uint32_t OpSource::NextMap() {
  const auto maps = static_cast<uint32_t>(keys_.maps().size());
  if (!maps_in_turn_) return static_cast<uint32_t>(random_.Below(maps));
  const uint32_t map = next_map_;
  next_map_ = (next_map_ + 1) % maps;
  return map;
}

Op OpSource::Next(int64_t now_ms) {
  clock_.now_ms = now_ms;
  const crdt::Timestamp timestamp = hlc_.Tick();
  Op op;
  op.id = next_id_++;
  op.stamp = {timestamp.millis, timestamp.counter};
  op.map = NextMap();
  op.key = picker_.Next(random_);
  op.kind = keys_.maps()[op.map].is_or ? OpKind::kOrAdd : OpKind::kPut;
  if (remove_ratio_ > 0 && random_.Unit() < remove_ratio_) MakeRemoval(op);
  return op;
}

// An OR map without a removable record of ours gets an addition instead.
void OpSource::MakeRemoval(Op& op) {
  if (op.kind == OpKind::kPut) {
    op.kind = OpKind::kRemove;
    return;
  }
  if (removable_.empty()) return;
  const size_t chosen = random_.Below(removable_.size());
  const Op add = std::exchange(removable_[chosen], removable_.back());
  removable_.pop_back();
  op.kind = OpKind::kOrRemove;
  op.map = add.map;
  op.key = add.key;
  op.tag = add.stamp;
  op.tag_index = add.tag_index;
}

void OpSource::OnRecordAcked(const Op& add) {
  if (remove_ratio_ > 0 && removable_.size() < kRemovableMax) removable_.push_back(add);
}

}  // namespace topgun::loadgen
