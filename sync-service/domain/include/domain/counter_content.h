// The cells of a PN counter: what every node has counted (docs/state-layout.md, "counters"). Used
// on the view's loop.
#pragma once

#include <cstdint>
#include <string_view>

#include "crdt/pn_counter.h"
#include "domain/view_content.h"

namespace topgun::sync {

// All of a counter is in one shard.
class CounterContent final : public ViewContent {
 public:
  void Apply(uint32_t shard, std::string_view node, std::string_view tag,
             std::string_view cell) override;
  // Nothing of a counter ever is.
  void Prune(uint32_t /*shard*/, std::string_view /*node*/, std::string_view /*tag*/,
             std::string_view /*cell*/) override {}
  void DropShard(uint32_t shard) override;
  uint64_t bytes() const override { return bytes_; }

  const crdt::PnCounter& state() const { return state_; }

 private:
  crdt::PnCounter state_;
  uint64_t bytes_ = 0;
};

}  // namespace topgun::sync
