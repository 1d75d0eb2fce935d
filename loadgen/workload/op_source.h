// Decides what a connection writes next: map, key, kind and clock.
//
// Owned by one connection; not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "crdt/hybrid_logical_clock.h"
#include "workload/key_picker.h"
#include "workload/key_space.h"
#include "workload/op.h"
#include "workload/random.h"

namespace topgun::loadgen {

class OpSource {
 public:
  struct Spec {
    double remove_ratio = 0;
    KeyPicker::Spec keys = {};
    uint64_t seed = 0;
  };

  // `keys` must outlive the source.
  OpSource(const KeySpace& keys, const Spec& spec, std::string node_id);

  // The clock is read once per frame, so it is passed in.
  Op Next(int64_t now_ms);

  // An OR record that the server has acknowledged may be removed by a later operation.
  void OnRecordAcked(const Op& add);

 private:
  // The wall clock of the hybrid clock: what Next() was told.
  class GivenClock final : public WallClock {
   public:
    int64_t NowMs() const override { return now_ms; }
    int64_t now_ms = 0;
  };

  uint32_t NextMap();
  void MakeRemoval(Op& op);

  // Removal candidates kept per connection; older ones stay in their map for good.
  static constexpr size_t kRemovableMax = 1024;

  const KeySpace& keys_;
  const double remove_ratio_;
  const bool maps_in_turn_;
  Random random_;
  KeyPicker picker_;
  GivenClock clock_;
  crdt::HybridLogicalClock hlc_;
  uint64_t next_id_ = 1;
  uint32_t next_map_ = 0;
  std::vector<Op> removable_;
};

}  // namespace topgun::loadgen
