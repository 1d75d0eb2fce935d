#include "shard_replies.h"

#include <string>

namespace topgun::sync {

namespace {

using redis::ReplyView;

state::Position PositionOf(const ReplyView& incarnation, const ReplyView& n) {
  return {static_cast<uint64_t>(incarnation.integer()), static_cast<uint64_t>(n.integer())};
}

}  // namespace

ShardMeta ParseMeta(const ReplyView& reply) {
  ShardMeta meta;
  meta.exists = reply.size() == 6 && !reply[0].is_nil();
  if (meta.exists) {
    meta.run = reply[0].str();
    meta.tail = PositionOf(reply[1], reply[2]);
    meta.bytes = static_cast<uint64_t>(reply[3].integer());
    meta.persisted = PositionOf(reply[4], reply[5]);
  }
  return meta;
}

CommitReply ParseCommit(const ReplyView& reply) {
  CommitReply out;
  out.code = static_cast<state::CommitCode>(reply[0].integer());
  if (out.code == state::CommitCode::kUnloaded) {
    for (size_t i = 1; i < reply.size(); ++i) out.unloaded.emplace_back(reply[i].str());
  } else if (out.code == state::CommitCode::kCommitted ||
             out.code == state::CommitCode::kConflict) {
    out.n = static_cast<uint64_t>(reply[1].integer());
  }
  if (out.code == state::CommitCode::kCommitted) out.persisted = PositionOf(reply[3], reply[4]);
  return out;
}

std::vector<FeedRecord> ParseFeed(const ReplyView& reply) {
  std::vector<FeedRecord> records;
  records.reserve(reply.size());
  for (size_t i = 0; i < reply.size(); ++i) {
    const auto position = state::ParsePosition(reply[i][0].str());
    const ReplyView fields = reply[i][1];
    for (size_t f = 0; position.has_value() && f + 1 < fields.size(); f += 2) {
      if (fields[f].str() == "e") records.push_back({*position, std::string(fields[f + 1].str())});
    }
  }
  return records;
}

ScanChunk ParseScan(const ReplyView& reply, std::string_view run) {
  ScanChunk chunk;
  chunk.cursor = reply[0].str();
  if (chunk.cursor != "0") chunk.cursor.append(" ").append(run);
  const ReplyView pairs = reply[1];
  for (size_t i = 0; i + 1 < pairs.size(); i += 2) {
    chunk.cells.push_back({std::string(pairs[i].str()), std::string(pairs[i + 1].str())});
  }
  return chunk;
}

StatusOr<std::vector<size_t>> ParseClashes(const ReplyView& reply) {
  if (reply[0].integer() == 0) return Aborted("stale load token");
  std::vector<size_t> clashes;
  for (size_t i = 1; i < reply.size(); ++i) {
    clashes.push_back(static_cast<size_t>(reply[i].integer()));
  }
  return clashes;
}

LockReply ParseLock(const ReplyView& reply) {
  LockReply out;
  out.code = static_cast<state::LockCode>(reply[0].integer());
  if (out.code == state::LockCode::kGranted) out.token = static_cast<uint64_t>(reply[1].integer());
  if (out.code == state::LockCode::kHeld) out.left_ms = reply[1].integer();
  return out;
}

}  // namespace topgun::sync
