#include "wire/frame_type.h"

#include <array>

namespace topgun::wire {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, kFrameTypeCount> kNames = {
    "AUTH",
    "DEVICE_HELLO",
    "PING",
    "BATCH",
    "CLIENT_OP",
    "OP_BATCH",
    "QUERY_SUB",
    "QUERY_UNSUB",
    "SYNC_INIT",
    "MERKLE_REQ_BUCKET",
    "ORMAP_SYNC_INIT",
    "ORMAP_MERKLE_REQ_BUCKET",
    "ORMAP_PUSH_DIFF",
    "ORMAP_DIFF_REQUEST",
    "CLIENT_APPLY_ACK",
    "PARTITION_MAP_REQUEST",
    "COUNTER_REQUEST",
    "COUNTER_SYNC",
    "SEARCH",
    "SEARCH_SUB",
    "SEARCH_UNSUB",
    "JOURNAL_SUBSCRIBE",
    "JOURNAL_UNSUBSCRIBE",
    "JOURNAL_READ",
    "TOPIC_SUB",
    "TOPIC_UNSUB",
    "TOPIC_PUB",
    "LOCK_REQUEST",
    "LOCK_RELEASE",
    "AUTH_REQUIRED",
    "AUTH_ACK",
    "AUTH_FAIL",
    "DEVICE_ACK",
    "PONG",
    "ERROR",
    "OP_ACK",
    "OP_REJECTED",
    "MERGE_REJECTED",
    "SERVER_EVENT",
    "SERVER_BATCH_EVENT",
    "GC_PRUNE",
    "QUERY_RESP",
    "QUERY_UPDATE",
    "SYNC_RESP_ROOT",
    "SYNC_RESP_BUCKETS",
    "SYNC_RESP_LEAF",
    "SYNC_RESET_REQUIRED",
    "ORMAP_SYNC_RESP_ROOT",
    "ORMAP_SYNC_RESP_BUCKETS",
    "ORMAP_SYNC_RESP_LEAF",
    "ORMAP_DIFF_RESPONSE",
    "PARTITION_MAP",
    "PARTITION_MAP_DELTA",
    "COUNTER_RESPONSE",
    "COUNTER_UPDATE",
    "SEARCH_RESP",
    "SEARCH_UPDATE",
    "JOURNAL_EVENT",
    "JOURNAL_READ_RESPONSE",
    "TOPIC_MESSAGE",
    "LOCK_GRANTED",
    "LOCK_RELEASED",
    "ENTRY_PROCESS",
    "ENTRY_PROCESS_BATCH",
    "REGISTER_RESOLVER",
    "UNREGISTER_RESOLVER",
    "LIST_RESOLVERS",
    "VECTOR_SEARCH",
    "HYBRID_SEARCH",
    "HYBRID_SEARCH_SUB",
    "SQL_QUERY",
};

}  // namespace

std::string_view Name(FrameType type) { return kNames[static_cast<size_t>(type)]; }

std::optional<FrameType> FrameTypeOf(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<FrameType>(i);
  }
  return std::nullopt;
}

}  // namespace topgun::wire
