#include "domain/counter_content.h"

#include "state/cell.h"
#include "state/counted.h"

namespace topgun::sync {

namespace {

constexpr uint64_t kAmountOverhead = 80;  // of a tree's node with a string and a number

}  // namespace

void CounterContent::Apply(uint32_t /*shard*/, std::string_view node, std::string_view /*tag*/,
                           std::string_view cell) {
  state::CellView view;
  if (!state::DecodeCell(cell, &view)) return;
  const auto counted = state::DecodeCounted(view.value);
  if (!counted.has_value()) return;
  const size_t before = state_.amounts();
  state_.Raise(node, counted->positive, counted->negative);
  bytes_ += (state_.amounts() - before) * (node.size() + kAmountOverhead);
}

void CounterContent::DropShard(uint32_t /*shard*/) {
  state_ = {};
  bytes_ = 0;
}

}  // namespace topgun::sync
