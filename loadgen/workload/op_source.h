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
#include "workload/op_mix.h"
#include "workload/random.h"

namespace topgun::loadgen {

class OpSource {
 public:
  struct Spec {
    double remove_ratio = 0;
    KeyPicker::Spec keys = {};
    uint64_t seed = 0;
    OpMix mix = {};  // not empty: decides about the kinds instead of the maps' types
    double ttl_ratio = 0;
    uint32_t ttl_ms = 0;
    int64_t clock_offset_ms = 0;  // how far this client's clock is off
  };

  // `keys` must outlive the source.
  OpSource(const KeySpace& keys, const Spec& spec, std::string node_id);

  // The clock is read once per frame, so it is passed in.
  Op Next(int64_t now_ms);
  // The same for a key that was read before.
  Op NextPut(int64_t now_ms, uint32_t map, uint64_t key);

  // The next operations write `first`, `first` + `stride`, ... of all keys of all maps, once each.
  // Returns how many these are. The key space must be bounded.
  uint64_t StartPreload(uint64_t first, uint64_t stride);
  bool preloading() const { return preload_next_ < preload_end_; }

  // What the next query reads: a key of an LWW map.
  struct Read {
    uint32_t map = 0;
    uint64_t key = 0;
  };
  Read NextRead();

  // An OR record that the server has acknowledged may be removed by a later operation.
  void OnRecordAcked(const Op& add);

 private:
  // The wall clock of the hybrid clock: what Next() was told.
  class GivenClock final : public WallClock {
   public:
    int64_t NowMs() const override { return now_ms; }
    int64_t now_ms = 0;
  };

  void Stamp(int64_t now_ms, Op& op);
  uint32_t NextMap(const std::vector<uint32_t>& maps);
  void Choose(Op& op);
  void ChoosePreloaded(Op& op);
  void MakeRemoval(Op& op);

  // Removal candidates kept per connection; older ones stay in their map for good.
  static constexpr size_t kRemovableMax = 1024;

  const KeySpace& keys_;
  const Spec spec_;
  const uint64_t mix_writes_;  // 0: no mix
  const bool maps_in_turn_;
  std::vector<uint32_t> all_maps_;
  std::vector<uint32_t> lww_maps_;
  std::vector<uint32_t> or_maps_;
  Random random_;
  KeyPicker picker_;
  GivenClock clock_;
  crdt::HybridLogicalClock hlc_;
  uint64_t next_id_ = 1;
  uint32_t next_map_ = 0;
  uint64_t preload_next_ = 0;
  uint64_t preload_stride_ = 1;
  uint64_t preload_end_ = 0;  // preload_next_ is below it: preloading
  std::vector<Op> removable_;
};

}  // namespace topgun::loadgen
