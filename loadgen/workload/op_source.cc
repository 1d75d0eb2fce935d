#include "workload/op_source.h"

#include <utility>

namespace topgun::loadgen {

using wire::OpKind;

OpSource::OpSource(const KeySpace& keys, const Spec& spec, std::string node_id)
    : keys_(keys),
      spec_(spec),
      mix_writes_(spec.mix.writes()),
      maps_in_turn_(spec.keys.distribution == KeyDistribution::kSequential),
      random_(spec.seed),
      picker_(spec.keys),
      hlc_(std::move(node_id), clock_) {
  for (uint32_t map = 0; map < keys.maps().size(); ++map) {
    all_maps_.push_back(map);
    (keys.maps()[map].is_or ? or_maps_ : lww_maps_).push_back(map);
  }
}

// Sequential keys fill one map after the other evenly; otherwise maps are drawn.
uint32_t OpSource::NextMap(const std::vector<uint32_t>& maps) {
  if (!maps_in_turn_) return maps[random_.Below(maps.size())];
  const uint32_t map = maps[next_map_ % maps.size()];
  ++next_map_;
  return map;
}

inline void OpSource::Stamp(int64_t now_ms, Op& op) {
  clock_.now_ms = now_ms + spec_.clock_offset_ms;
  const crdt::Timestamp timestamp = hlc_.Tick();
  op.id = next_id_++;
  op.stamp = {timestamp.millis, timestamp.counter};
}

inline void OpSource::Choose(Op& op) {
  if (mix_writes_ == 0) {
    op.map = NextMap(all_maps_);
    op.key = picker_.Next(random_);
    op.kind = keys_.maps()[op.map].is_or ? OpKind::kOrAdd : OpKind::kPut;
    if (spec_.remove_ratio > 0 && random_.Unit() < spec_.remove_ratio) MakeRemoval(op);
    return;
  }
  const OpKind kind = spec_.mix.WriteAt(random_.Below(mix_writes_));
  const bool is_or = kind == OpKind::kOrAdd || kind == OpKind::kOrRemove;
  op.map = NextMap(is_or ? or_maps_ : lww_maps_);
  op.key = picker_.Next(random_);
  op.kind = is_or ? OpKind::kOrAdd : OpKind::kPut;
  if (kind != op.kind) MakeRemoval(op);
}

Op OpSource::Next(int64_t now_ms) {
  Op op;
  Stamp(now_ms, op);
  if (preloading()) {
    ChoosePreloaded(op);
    return op;
  }
  Choose(op);
  const bool has_record = op.kind == OpKind::kPut || op.kind == OpKind::kOrAdd;
  if (spec_.ttl_ratio > 0 && has_record && random_.Unit() < spec_.ttl_ratio) {
    op.ttl_ms = spec_.ttl_ms;
  }
  return op;
}

Op OpSource::NextPut(int64_t now_ms, uint32_t map, uint64_t key) {
  Op op;
  Stamp(now_ms, op);
  op.map = map;
  op.key = key;
  return op;
}

uint64_t OpSource::StartPreload(uint64_t first, uint64_t stride) {
  const uint64_t end = keys_.maps().size() * keys_.keys();
  preload_next_ = first;
  preload_stride_ = stride;
  preload_end_ = end;
  return first < end ? (end - first + stride - 1) / stride : 0;
}

void OpSource::ChoosePreloaded(Op& op) {
  op.map = static_cast<uint32_t>(preload_next_ % keys_.maps().size());
  op.key = preload_next_ / keys_.maps().size();
  op.kind = keys_.maps()[op.map].is_or ? OpKind::kOrAdd : OpKind::kPut;
  preload_next_ += preload_stride_;
}

OpSource::Read OpSource::NextRead() {
  const uint32_t map = lww_maps_[random_.Below(lww_maps_.size())];
  return {map, picker_.NextRead(random_)};
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
  const bool removes = spec_.remove_ratio > 0 || spec_.mix.weight(OpMix::kOrRemove) > 0;
  if (removes && removable_.size() < kRemovableMax) removable_.push_back(add);
}

}  // namespace topgun::loadgen
