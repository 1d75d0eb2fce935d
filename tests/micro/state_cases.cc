// lib/state: cells and feed entries.
#include <memory>

#include "case.h"
#include "state/cell.h"
#include "state/feed_entry.h"
#include "workload.h"

namespace topgun::micro {
namespace {

state::CellView CellOf(const wire::Op& op) {
  state::CellView cell;
  cell.version = {31'000'000, 123'456};
  cell.commit_ms = kNowMs;
  cell.timestamp = op.timestamp;
  cell.value = op.value;
  return cell;
}

Case::Call EncodeCell() {
  return [ops = std::make_shared<Ops>(wire::OpKind::kPut, 1)] {
    Keep(state::EncodeCell(CellOf(ops->ops().front())).size());
  };
}

Case::Call DecodeCell() {
  const Ops ops(wire::OpKind::kPut, 1);
  return [bytes = state::EncodeCell(CellOf(ops.ops().front()))] {
    state::CellView cell;
    Keep(state::DecodeCell(bytes, &cell));
  };
}

struct Feed {
  Ops ops{wire::OpKind::kPut, kOpsPerFrame};
  std::string cell = state::EncodeCell(CellOf(ops.ops().front()));
  std::string origin = "0123456789abcdef";
  state::FeedEntryBuilder builder;

  std::string Build() {
    builder.Clear();
    for (const wire::Op& op : ops.ops()) {
      builder.Add({.kind = state::CellKind::kLww,
                   .flags = state::kChangeWasLive,
                   .map = builder.MapIndex(op.map),
                   .origin = builder.OriginIndex(origin),
                   .key = op.key,
                   .tag = {},
                   .cell = cell});
    }
    return builder.Build(kNowMs);
  }
};

Case::Call BuildEntry() {
  return [feed = std::make_shared<Feed>()] { Keep(feed->Build().size()); };
}

Case::Call DecodeEntry() {
  return [entry = Feed().Build(), view = std::make_shared<state::FeedEntryView>()] {
    Keep(state::DecodeFeedEntry(entry, view.get()));
  };
}

}  // namespace

void AddStateCases(std::vector<Case>& cases) {
  cases.push_back({.name = "state/encode_cell", .prepare = EncodeCell});
  cases.push_back({.name = "state/decode_cell", .prepare = DecodeCell});
  cases.push_back({.name = "state/build_feed_entry", .items = kOpsPerFrame, .prepare = BuildEntry});
  cases.push_back(
      {.name = "state/decode_feed_entry", .items = kOpsPerFrame, .prepare = DecodeEntry});
}

}  // namespace topgun::micro
