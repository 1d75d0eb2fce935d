#include "dispatch/stamp_echo.h"

#include <iterator>

#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "wire/server_encode.h"

namespace topgun::gateway {

void StampEcho::OnRestamped(ConnectionId id, const RestampedOp& op) {
  Connection* const connection = context_->table.Find(id);
  if (connection == nullptr) return;
  if (waiting() >= kWaitingMax) {
    probe_.RestampDropped();
    return connection->session().Close(CloseCause::kOverload);
  }
  waiting_.push_back({.connection = id,
                      .map = std::string(op.map),
                      .key = std::string(op.key),
                      .value = std::string(op.value),
                      .told = {}});
  if (std::exchange(start_deferred_, true)) return;
  defer_([this] {
    start_deferred_ = false;
    StartRead();
  });
}

void StampEcho::StartRead() {
  if (waiting_.empty() || !reading_.empty()) return;
  const std::string map = waiting_.front().map;
  std::deque<Waiting> others;
  std::vector<std::string> keys;
  for (Waiting& op : waiting_) {
    if (op.map == map && reading_.size() < kKeysPerRead) {
      keys.push_back(op.key);
      reading_.push_back(std::move(op));
    } else {
      others.push_back(std::move(op));
    }
  }
  waiting_ = std::move(others);
  cells_.ReadCells(map, keys, [this](const auto& cells) { OnCells(cells); });
}

void StampEcho::OnCells(const StatusOr<std::vector<std::string>>& cells) {
  std::vector<Waiting> read = std::exchange(reading_, {});
  if (!cells.ok() || cells->size() != read.size()) {
    waiting_.insert(waiting_.begin(), std::make_move_iterator(read.begin()),
                    std::make_move_iterator(read.end()));
    return;  // until the next tick
  }
  for (size_t i = 0; i < read.size(); ++i) {
    Connection* const connection = context_->table.Find(read[i].connection);
    if (connection != nullptr) Answer(*connection, std::move(read[i]), (*cells)[i]);
  }
  StartRead();
}

void StampEcho::Answer(Connection& connection, Waiting op, std::string_view encoded) {
  state::CellView cell;
  if (!state::DecodeCell(encoded, &cell)) return;  // retention was faster
  if (op.told && op.told->view() == cell.timestamp) return probe_.RestampTold();
  if (cell.value != op.value) {
    const Decision readable =
        context_->access.Check(connection.principal(), Action::kRead, op.map, {});
    if (readable != Decision::kAllow) return;
    if (!op.told) TellOlder(connection, op, cell);
  }
  Send(connection, op,
       {.value = cell.value,
        .timestamp = cell.timestamp,
        .has_ttl = cell.has_ttl,
        .ttl_ms = cell.ttl_ms});
  if (op.told) return probe_.RestampTold();
  op.told.emplace(cell.timestamp);
  waiting_.push_back(std::move(op));
}

void StampEcho::TellOlder(Connection& connection, const Waiting& op, const state::CellView& cell) {
  wire::LwwRecordView older{
      .value = op.value, .timestamp = cell.timestamp, .has_ttl = false, .ttl_ms = 0};
  --older.timestamp.millis;
  Send(connection, op, older);
}

void StampEcho::Send(Connection& connection, const Waiting& op, const wire::LwwRecordView& record) {
  wire::EventView event;
  event.map = op.map;
  event.key = op.key;
  event.kind = record.value.empty() ? wire::OpKind::kRemove : wire::OpKind::kPut;
  event.record = record;
  std::string frame;
  wire::EncodeServerEvent(event, frame);
  connection.session().Reply(std::move(frame));
}

}  // namespace topgun::gateway
