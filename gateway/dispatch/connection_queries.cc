// Connection: live queries (features.md 1).
#include <utility>

#include "dispatch/access_gate.h"
#include "dispatch/connection.h"
#include "dispatch/fan_out.h"
#include "dispatch/query_rows.h"
#include "msgpack/reader.h"
#include "query/query.h"
#include "wire/server_encode.h"

namespace topgun::gateway {
namespace {

bool HasContent(std::string_view raw) {
  if (raw.empty()) return false;
  msgpack::Reader reader(raw);
  uint32_t count = 0;
  switch (reader.Peek()) {
    case msgpack::Type::kMap:
      return reader.ReadMapHeader(&count) && count > 0;
    case msgpack::Type::kArray:
      return reader.ReadArrayHeader(&count) && count > 0;
    default:
      return true;
  }
}

// Every record of the map, whole. Empty maps and arrays say nothing (features.md 1.1);
// `aggregations` count with `groupBy` only (1.9).
bool ListsMap(const wire::QuerySubFrame& frame) {
  return !HasContent(frame.where) && frame.predicate.empty() && !HasContent(frame.sort) &&
         !frame.limit && !frame.cursor && !HasContent(frame.group_by) && !HasContent(frame.fields);
}

StatusOr<query::Query> ParseQuery(const wire::QuerySubFrame& frame) {
  return query::Query::Parse({.where = frame.where,
                              .predicate = frame.predicate,
                              .sort = frame.sort,
                              .group_by = frame.group_by,
                              .aggregations = frame.aggregations,
                              .fields = frame.fields});
}

}  // namespace

void Connection::OnQuerySub(const wire::QuerySubFrame& frame) {
  const DispatchOptions& options = context_.options;
  if (const std::string problem = wire::ValidateMapName(frame.map, options.op_limits);
      !problem.empty()) {
    return writes_.SendError(400, problem);
  }
  if (frame.query_id.size() > options.query_id_bytes_max) {
    return writes_.SendError(400, "queryId: too long");
  }
  const Decision decision = context_.gate.CheckRead(*this, frame.map);
  if (!ListsMap(frame)) return SubscribeRows(frame, decision);
  const auto serial = context_.fan_out.Subscribe(
      *this, frame.query_id, frame.map, FanOut::Wants::kRows, decision == Decision::kAllow);
  if (!serial) return writes_.SendError(429, "too many subscriptions");
  if (decision != Decision::kAllow) return AccessGate::RefuseRead(*this, decision, frame.map);
  if (auto question = Ask(frame.map)) context_.fan_out.Trace(*serial, std::move(question));
  AfterOwnChanges([this, serial = *serial] { context_.fan_out.Ready(serial); });
}

// Whatever it filters, the client's replica of the map lives from its events (features.md 1.1).
void Connection::SubscribeRows(const wire::QuerySubFrame& frame, Decision decision) {
  const bool readable = decision == Decision::kAllow;
  StatusOr<query::Query> query = ParseQuery(frame);
  if (!query.ok()) {
    if (!readable) return AccessGate::RefuseRead(*this, decision, frame.map);
    const bool held = context_.fan_out.Holds(*this, frame.query_id);
    return RefuseQuery(frame.query_id, held, Message(query.status()));
  }
  const auto serial = context_.fan_out.Subscribe(*this, frame.query_id, frame.map,
                                                 FanOut::Wants::kEvents, readable);
  if (!serial) return writes_.SendError(429, "too many subscriptions");
  if (!context_.query_rows.Add(*serial, *this, frame, *std::move(query),
                               readable ? Ask(frame.map) : nullptr)) {
    context_.fan_out.Unsubscribe(*this, frame.query_id);
    return writes_.SendError(429, "too many queries");
  }
  if (!readable) return AccessGate::RefuseRead(*this, decision, frame.map);
  AfterOwnChanges([this, serial = *serial] { context_.fan_out.Ready(serial); });
}

// A client takes the rows of whatever QUERY_RESP it gets, and waits until it gets one.
void Connection::RefuseQuery(std::string_view query_id, bool has_rows, std::string_view reason) {
  writes_.SendError(400, reason);
  if (has_rows) return;
  wire::QueryRespFrame resp;
  resp.query_id = query_id;
  resp.error = reason;
  resp.code = "INVALID_QUERY";
  std::string frame;
  wire::EncodeQueryResp(resp, frame);
  session_.Reply(std::move(frame));
}

}  // namespace topgun::gateway
