#include "dispatch/or_push.h"

#include <algorithm>
#include <utility>

#include "absl/hash/hash.h"
#include "access/access.h"
#include "base/status.h"
#include "dispatch/connection.h"
#include "dispatch/connection_table.h"
#include "dispatch/detached_writes.h"
#include "dispatch/map_sync.h"

namespace topgun::gateway {

using state::CellKind;

namespace {

bool HasTombstones(const wire::OrEntries& entries) {
  for (size_t i = 0; i < entries.size(); ++i) {
    if (!entries.tombstones(i).empty()) return true;
  }
  return false;
}

}  // namespace

void OrPush::Bind(LoopContext& context) {
  context_ = &context;
  removal_.Bind(context);
}

void OrPush::OnPush(Connection& connection, const wire::OrMapPushDiffFrame& frame) {
  if (!Accepted(connection, frame)) return;
  probe_.PushDiff(frame.entries.size(), frame.invalid_records);
  const PushPtr push = Trace(connection, frame.map);
  const Tracer::Scope scope(probe_.tracer(), push != nullptr ? push->question : nullptr);
  const bool all_written = WriteRecords(connection, frame, push);
  // Removals are writes without a value (core.md 10).
  const bool may_remove =
      !HasTombstones(frame.entries) || MayWrite(connection, frame.map, /*value=*/{});
  if (may_remove) RemoveTags(connection, frame, push);
  const bool allowed = all_written && may_remove;
  if (push != nullptr && !allowed) push->status = PermissionDenied("some of it may not be written");
  PieceEnded(push);
  if (allowed) return;
  connection.writes().SendError(403, "write access denied for map: " + std::string(frame.map));
}

bool OrPush::Accepted(Connection& connection, const wire::OrMapPushDiffFrame& frame) {
  if (const std::string problem = wire::ValidateMapName(frame.map, context_->options.op_limits);
      !problem.empty()) {
    connection.writes().SendError(400, problem);
    return false;
  }
  if (context_->access.state() != AccessControl::State::kUnknown) return true;
  connection.writes().SendError(429, "access policies are not known yet, try again later");
  GiveUp(connection.id(), std::string(frame.map), nullptr);  // it pushes again after a while
  return false;
}

bool OrPush::MayWrite(const Connection& connection, std::string_view map,
                      std::string_view value) const {
  return context_->access.open() || context_->access.Check(connection.principal(), Action::kWrite,
                                                           map, value) == Decision::kAllow;
}

bool OrPush::WriteRecords(Connection& connection, const wire::OrMapPushDiffFrame& frame,
                          const PushPtr& push) {
  absl::flat_hash_set<absl::string_view> dead;
  for (size_t i = 0; i < frame.entries.size(); ++i) {
    for (const std::string_view tag : frame.entries.tombstones(i)) dead.insert(ToAbsl(tag));
  }
  bool all = true;
  std::vector<wire::Op> ops;
  for (size_t i = 0; i < frame.entries.size(); ++i) {
    for (const crdt::OrRecordView& record : frame.entries.records(i)) {
      if (dead.contains(ToAbsl(record.tag))) continue;
      if (!MayWrite(connection, frame.map, record.value)) {
        all = false;
        continue;
      }
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
  if (ops.empty()) return all;
  Begin(connection, push);
  context_->detached.Write(
      ops, connection.origin(),
      [this, id = connection.id(), map = std::string(frame.map), push](const auto& outcomes) {
        const bool lost =
            std::find(outcomes.begin(), outcomes.end(), OpOutcome::kOverloaded) != outcomes.end();
        if (lost) GiveUp(id, map, push);
        End(id, push);
      });
  return all;
}

void OrPush::RemoveTags(Connection& connection, const wire::OrMapPushDiffFrame& frame,
                        const PushPtr& push) {
  if (!HasTombstones(frame.entries)) return;
  Waiting& waiting = Begin(connection, push);
  std::vector<std::string> tags;
  for (size_t i = 0; i < frame.entries.size(); ++i) {
    for (const std::string_view tag : frame.entries.tombstones(i)) {
      if (tag.size() > context_->options.op_limits.tag_bytes_max) continue;
      const size_t hash = absl::HashOf(ToAbsl(frame.map), ToAbsl(tag));
      if (waiting.seen_tags.contains(hash)) continue;
      if (waiting.seen_tags.size() < kSeenTagsMax) waiting.seen_tags.insert(hash);
      tags.emplace_back(tag);
    }
  }
  const ConnectionId id = connection.id();
  if (tags.empty()) return End(id, push);
  std::string map(frame.map);
  const bool begun = removal_.Remove(map, connection.origin(), std::move(tags),
                                     [this, id, map, push](bool removed) {
                                       if (!removed) GiveUp(id, map, push);
                                       End(id, push);
                                     });
  if (begun) return;
  GiveUp(id, map, push);
  End(id, push);
}

// Not at once: what was too much now would be too much again.
void OrPush::GiveUp(ConnectionId id, const std::string& map, const PushPtr& push) {
  probe_.PushGivenUp();
  if (push != nullptr) push->status = Unavailable("given up: the client is to push again");
  Connection* const connection = context_->table.Find(id);
  if (connection == nullptr) return;
  const bool known = std::any_of(heals_.begin(), heals_.end(), [&](const Heal& heal) {
    return heal.connection == id && heal.map == map;
  });
  if (known) return;
  if (heals_.size() >= kHealsMax) return connection->session().Close(CloseCause::kOverload);
  heals_.push_back({std::chrono::steady_clock::now() + kHealDelay, id, map});
}

void OrPush::Tick(Time now) {
  removal_.Tick(now);
  while (!heals_.empty() && heals_.front().not_before <= now) {
    const Heal heal = std::move(heals_.front());
    heals_.pop_front();
    Connection* const connection = context_->table.Find(heal.connection);
    if (connection != nullptr) context_->map_sync.OfferRoot(*connection, CellKind::kOr, heal.map);
  }
}

// ---- Reads wait for pushes ----

OrPush::Waiting& OrPush::Begin(Connection& connection, const PushPtr& push) {
  if (push != nullptr) ++push->open;
  Waiting& waiting = waiting_[&connection];
  if (++waiting.pushes == kPushesMax) {
    connection.writes().PauseReading(WritePath::Pause::kPush, true);
  }
  return waiting;
}

void OrPush::End(ConnectionId id, const PushPtr& push) {
  PieceEnded(push);
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

// ---- Tracing ----

OrPush::PushPtr OrPush::Trace(Connection& connection, std::string_view map) {
  Tracer::QuestionPtr question = connection.Ask(map);
  if (question == nullptr) return nullptr;
  return std::make_shared<Push>(Push{.question = std::move(question), .status = OkStatus()});
}

// Nobody answers the frame, so its span ends with the last of its pieces.
void OrPush::PieceEnded(const PushPtr& push) {
  if (push == nullptr || --push->open > 0) return;
  probe_.tracer().Answered(*push->question, push->status);
}

}  // namespace topgun::gateway
