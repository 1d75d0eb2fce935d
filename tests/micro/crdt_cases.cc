// lib/crdt: clocks and the reference merges.
#include <memory>

#include "base/clock.h"
#include "case.h"
#include "crdt/hash.h"
#include "crdt/hybrid_logical_clock.h"
#include "crdt/lww_map.h"
#include "crdt/or_map.h"
#include "workload.h"

namespace topgun::micro {
namespace {

class FixedClock final : public WallClock {
 public:
  int64_t NowMs() const override { return kNowMs; }
};

struct ClockState {
  FixedClock wall;
  crdt::HybridLogicalClock clock{NodeName(0), wall};
};

Case::Call Tick() {
  return [state = std::make_shared<ClockState>()] { Keep(state->clock.Tick().counter); };
}

Case::Call Observe() {
  return
      [state = std::make_shared<ClockState>(), node = NodeName(1), counter = int64_t{0}]() mutable {
        Keep(state->clock.Observe({kNowMs, ++counter, node}));
      };
}

struct LwwState : ClockState {
  crdt::LwwMap map{clock};
  Ops ops{wire::OpKind::kPut, kOpsPerFrame, 1};
  int64_t later = 0;
};

// Every record is newer than the one before it.
Case::Call MergeLww() {
  return [state = std::make_shared<LwwState>()] {
    ++state->later;
    for (const wire::Op& op : state->ops.ops()) {
      crdt::LwwRecord record;
      record.value = op.value;
      record.timestamp = crdt::Timestamp(op.timestamp);
      record.timestamp.millis += state->later;
      Keep(state->map.Merge(op.key, std::move(record)));
    }
  };
}

struct OrState : ClockState {
  crdt::OrMap map{clock, crdt::OrMap::Role::kServer};
  Ops ops{wire::OpKind::kOrAdd, kOpsPerFrame, 1};
};

// Adds and removes every tag, and forgets all at the end.
Case::Call MergeOr() {
  return [state = std::make_shared<OrState>()] {
    for (const wire::Op& op : state->ops.ops()) {
      crdt::OrRecord record;
      record.value = op.value;
      record.timestamp = crdt::Timestamp(op.timestamp);
      record.tag = op.tag;
      Keep(state->map.Apply(op.key, std::move(record)));
    }
    for (const wire::Op& op : state->ops.ops()) state->map.ApplyTombstone(op.tag, op.key);
    state->map.Clear();
  };
}

Case::Call HashItem() {
  return [key = KeyName(42), node = NodeName(1)] {
    Keep(crdt::LwwItemHash(key, {kNowMs, 12, node}));
  };
}

Case::Call HashKey() {
  return [key = KeyName(42)] { Keep(crdt::PartitionOf(key)); };
}

}  // namespace

void AddCrdtCases(std::vector<Case>& cases) {
  cases.push_back({.name = "crdt/clock_tick", .prepare = Tick});
  cases.push_back({.name = "crdt/clock_observe", .prepare = Observe});
  cases.push_back({.name = "crdt/lww_map_merge", .items = kOpsPerFrame, .prepare = MergeLww});
  cases.push_back({.name = "crdt/or_map_add_remove", .items = kOpsPerFrame, .prepare = MergeOr});
  cases.push_back({.name = "crdt/lww_item_hash", .prepare = HashItem});
  cases.push_back({.name = "crdt/partition_of_key", .prepare = HashKey});
}

}  // namespace topgun::micro
