#include "dispatch/change_encoder.h"

#include <utility>

#include "absl/hash/hash.h"
#include "base/status.h"
#include "state/cell.h"
#include "wire/server_encode.h"

namespace topgun::gateway {
namespace {

wire::EventView EventOf(const Change& change, const state::CellView& cell) {
  wire::EventView event;
  event.map = change.map;
  event.key = change.key;
  if (change.kind == state::CellKind::kLww) {
    event.kind = cell.tombstone ? wire::OpKind::kRemove : wire::OpKind::kPut;
    event.record = wire::LwwRecordView{.value = cell.value,
                                       .timestamp = cell.timestamp,
                                       .has_ttl = cell.has_ttl,
                                       .ttl_ms = cell.ttl_ms};
  } else if (cell.tombstone) {
    event.kind = wire::OpKind::kOrRemove;
    event.or_tag = change.tag;
  } else {
    event.kind = wire::OpKind::kOrAdd;
    event.or_record = crdt::OrRecordView{.value = cell.value,
                                         .timestamp = cell.timestamp,
                                         .tag = change.tag,
                                         .has_ttl = cell.has_ttl,
                                         .ttl_ms = cell.ttl_ms};
  }
  return event;
}

// What became of the row in an unfiltered query; nothing when it was absent and stays so.
std::optional<wire::ChangeType> RowChange(bool was_live, bool is_live) {
  if (is_live) return was_live ? wire::ChangeType::kUpdate : wire::ChangeType::kEnter;
  if (was_live) return wire::ChangeType::kLeave;
  return std::nullopt;
}

}  // namespace

std::shared_ptr<const EncodedChange> EncodeChange(const Change& change, int64_t now_ms) {
  state::CellView cell;
  if (change.kind == state::CellKind::kCounter || !state::DecodeCell(change.cell, &cell)) {
    return nullptr;
  }
  auto encoded = std::make_shared<EncodedChange>();
  encoded->shard = change.shard;
  encoded->position = change.position;
  encoded->origin.assign(change.origin);
  encoded->key.assign(change.key);
  encoded->tell_origin = change.tell_origin;
  encoded->is_lww = change.kind == state::CellKind::kLww;

  std::string event;
  wire::EncodeServerEvent(EventOf(change, cell), event);
  encoded->event = std::make_shared<const std::string>(std::move(event));
  if (!encoded->is_lww) return encoded;
  encoded->value_id =
      absl::HashOf(ToAbsl(change.map), ToAbsl(change.key), cell.tombstone, ToAbsl(cell.value));

  const bool is_live = cell.Live(now_ms);
  if (is_live) encoded->expires_ms = cell.ExpiresMs();
  if (const auto row = RowChange(change.was_live, is_live)) {
    std::string update;
    const bool leaves = *row == wire::ChangeType::kLeave;
    wire::EncodeQueryUpdateSuffix(change.key, leaves ? std::string_view() : cell.value, *row,
                                  update);
    encoded->update = std::make_shared<const std::string>(std::move(update));
    encoded->change = *row;
  }
  return encoded;
}

}  // namespace topgun::gateway
