#include "dispatch/or_push.h"

#include "absl/container/flat_hash_set.h"
#include "access/access.h"
#include "base/status.h"
#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "dispatch/detached_writes.h"

namespace topgun::gateway {

void OrPush::OnPush(Connection& connection, const wire::OrMapPushDiffFrame& frame) {
  if (!MayWrite(connection, frame)) return;
  Tombstones tombstones;
  absl::flat_hash_set<std::string> seen;
  const size_t tag_bytes_max = context_->options.op_limits.tag_bytes_max;
  for (size_t i = 0; i < frame.entries.size(); ++i) {
    for (const std::string_view tag : frame.entries.tombstones(i)) {
      if (tag.size() > tag_bytes_max || !seen.emplace(tag).second) continue;
      tombstones.tags.emplace_back(tag);
      tombstones.keys.emplace_back(frame.entries.key(i));
    }
  }
  probe_.PushDiff(frame.entries.size(), frame.invalid_records);
  WriteRecords(connection, frame, tombstones);
  if (!tombstones.tags.empty()) Resolve(connection, frame.map, std::move(tombstones));
}

bool OrPush::MayWrite(Connection& connection, const wire::OrMapPushDiffFrame& frame) {
  if (const std::string problem = wire::ValidateMapName(frame.map, context_->options.op_limits);
      !problem.empty()) {
    connection.writes().SendError(400, problem);
    return false;
  }
  const Decision decision =
      context_->access.Check(connection.principal(), Action::kWrite, frame.map, {});
  if (decision == Decision::kAllow) return true;
  connection.writes().SendError(403, "write access denied for map: " + std::string(frame.map));
  return false;
}

void OrPush::WriteRecords(Connection& connection, const wire::OrMapPushDiffFrame& frame,
                          const Tombstones& tombstones) {
  const absl::flat_hash_set<std::string> dead(tombstones.tags.begin(), tombstones.tags.end());
  std::vector<wire::Op> ops;
  for (size_t i = 0; i < frame.entries.size(); ++i) {
    for (const crdt::OrRecordView& record : frame.entries.records(i)) {
      if (dead.contains(ToAbsl(record.tag))) continue;
      wire::Op op;
      op.kind = wire::OpKind::kOrAdd;
      op.map = frame.map;
      op.key = frame.entries.key(i);
      op.tag = record.tag;
      op.value = record.value;
      op.timestamp = record.timestamp;
      op.has_timestamp = true;
      op.has_ttl = record.has_ttl;
      op.ttl_ms = record.ttl_ms;
      if (wire::ValidateOp(op, context_->options.op_limits).empty()) ops.push_back(std::move(op));
    }
  }
  if (ops.empty()) return;
  Begin(connection);
  context_->detached.Write(ops, connection.origin(),
                           [this, id = connection.id()](auto) { End(id); });
}

void OrPush::Resolve(Connection& connection, std::string_view map, Tombstones tombstones) {
  Begin(connection);
  const auto held = std::make_shared<const Tombstones>(std::move(tombstones));
  reader_.ResolveTags(std::string(map), held->tags,
                      [this, held, id = connection.id(), origin = connection.origin(),
                       map = std::string(map)](const StatusOr<std::vector<ResolvedTag>>& resolved) {
                        // The client pushes them again with its next sync.
                        if (!resolved.ok()) return End(id);
                        WriteTombstones(id, origin, map, *held, *resolved);
                      });
}

void OrPush::WriteTombstones(ConnectionId id, const std::string& origin, const std::string& map,
                             const Tombstones& tombstones,
                             const std::vector<ResolvedTag>& resolved) {
  std::vector<wire::Op> ops;
  for (size_t i = 0; i < resolved.size(); ++i) {
    if (resolved[i].state == TagState::kDead) continue;
    wire::Op op;
    op.kind = wire::OpKind::kOrRemove;
    op.map = map;
    op.key = resolved[i].state == TagState::kLive ? resolved[i].key : tombstones.keys[i];
    op.tag = tombstones.tags[i];
    ops.push_back(std::move(op));
  }
  if (ops.empty()) return End(id);
  context_->detached.Write(ops, origin, [this, id](auto) { End(id); });
}

// ---- Reads wait for pushes ----

void OrPush::Begin(Connection& connection) {
  if (++waiting_[&connection].pushes == kPushesMax) {
    connection.writes().PauseReading(WritePath::Pause::kPush, true);
  }
}

void OrPush::End(ConnectionId id) {
  Connection* const connection = context_->table.Find(id);
  if (connection == nullptr) return;
  const auto found = waiting_.find(connection);
  if (found == waiting_.end()) return;
  if (found->second.pushes-- == kPushesMax) {
    connection->writes().PauseReading(WritePath::Pause::kPush, false);
  }
  if (found->second.pushes > 0) return;
  const std::vector<std::function<void()>> after = std::move(found->second.after);
  waiting_.erase(found);
  for (const auto& run : after) run();
}

void OrPush::AfterPushes(Connection& connection, std::function<void()> run) {
  const auto found = waiting_.find(&connection);
  if (found == waiting_.end()) return run();
  found->second.after.push_back(std::move(run));
}

}  // namespace topgun::gateway
