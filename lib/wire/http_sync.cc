#include "wire/http_sync.h"

#include "encode.h"
#include "frame_reader.h"
#include "op_decoder.h"
#include "record_reader.h"

namespace topgun::wire {

using msgpack::Writer;

namespace {

// A clock that only needs numbers: the client's first `lastSyncTimestamp` has no node.
bool ReadClock(FrameReader& reader, std::string_view field, crdt::TimestampView* out) {
  TimestampField timestamp;
  if (!ReadTimestamp(reader, &timestamp)) return false;
  *out = timestamp.value;
  if (!timestamp.present) return reader.Fail(DecodeError::kMissingField, field);
  return timestamp.problem.empty() || timestamp.problem.path == ".nodeId" ||
         reader.Fail(DecodeError::kBadField, field);
}

bool ReadSyncMap(FrameReader& reader, SyncMapRequest* out) {
  const bool read = reader.Map("syncMaps", [&](std::string_view key) {
    if (Is(key, "mapName")) return reader.Str("mapName", &out->map);
    if (Is(key, "lastSyncTimestamp")) {
      return ReadClock(reader, "lastSyncTimestamp", &out->last_sync_timestamp);
    }
    return reader.Skip();
  });
  return read && reader.Require(out->map, "mapName");
}

bool ReadSyncQuery(FrameReader& reader, SyncQuery* out) {
  const bool read = reader.Map("queries", [&](std::string_view key) {
    if (Is(key, "queryId")) return reader.Str("queryId", &out->query_id);
    if (Is(key, "mapName")) return reader.Str("mapName", &out->map);
    if (Is(key, "filter")) {
      out->filter = {};
      return reader.TryRaw(&out->filter) != FrameReader::Found::kBroken;
    }
    if (Is(key, "limit")) return reader.Uint32("limit", &out->limit);
    if (Is(key, "offset")) return reader.Uint32("offset", &out->offset);
    if (Is(key, "cursor")) return reader.Str("cursor", &out->cursor);
    return reader.Skip();
  });
  return read && reader.Require(out->query_id, "queryId") && reader.Require(out->map, "mapName");
}

bool ReadRequest(FrameReader& reader, SyncRequest& out) {
  bool has_clock = false;
  const bool read = reader.Map([&](std::string_view key) {
    if (Is(key, "clientId")) return reader.Str("clientId", &out.client_id);
    if (Is(key, "clientHlc")) {
      has_clock = true;
      return ReadClock(reader, "clientHlc", &out.client_hlc);
    }
    if (Is(key, "operations")) {
      out.operations.clear();
      return reader.Array("operations", [&](uint32_t index) {
        return ReadOp(reader, index, out.operations.emplace_back());
      });
    }
    if (Is(key, "syncMaps")) {
      out.sync_maps.clear();
      return reader.Array(
          "syncMaps", [&](uint32_t) { return ReadSyncMap(reader, &out.sync_maps.emplace_back()); });
    }
    if (Is(key, "queries")) {
      out.queries.clear();
      return reader.Array(
          "queries", [&](uint32_t) { return ReadSyncQuery(reader, &out.queries.emplace_back()); });
    }
    return reader.Skip();
  });
  return read && reader.Require(out.client_id, "clientId") &&
         reader.Require(has_clock, "clientHlc");
}

void WriteAck(Writer& writer, const OpAckFrame& ack) {
  writer.Str("ack");
  writer.MapHeader(ack.results.empty() ? 1 : 2);
  WriteStr(writer, "lastId", ack.last_id);
  if (!ack.results.empty()) WriteOpResults(writer, ack.results);
}

void WriteDelta(Writer& writer, const SyncDelta& delta) {
  writer.MapHeader(3);
  WriteStr(writer, "mapName", delta.map);
  writer.Str("records");
  writer.ArrayHeader(static_cast<uint32_t>(delta.records.size()));
  for (const SyncDeltaRecord& item : delta.records) {
    writer.MapHeader(3);
    WriteStr(writer, "key", item.key);
    writer.Str("record");
    WriteLwwRecord(writer, item.record);
    WriteStr(writer, "eventType", Name(item.record.value.empty() ? OpKind::kRemove : OpKind::kPut));
  }
  writer.Str("serverSyncTimestamp");
  WriteTimestamp(writer, delta.server_sync_timestamp);
}

void WriteQueryResult(Writer& writer, const SyncQueryResult& result) {
  writer.MapHeader(2 + CountOf(result.has_more, result.next_cursor));
  WriteStr(writer, "queryId", result.query_id);
  writer.Str("results");
  writer.ArrayHeader(static_cast<uint32_t>(result.results.size()));
  for (const std::string_view value : result.results) WriteValue(writer, value);
  if (result.has_more) {
    writer.Str("hasMore");
    writer.Bool(*result.has_more);
  }
  WriteStr(writer, "nextCursor", result.next_cursor);
}

void WriteError(Writer& writer, const SyncError& error) {
  writer.MapHeader(2 + CountOf(error.context));
  WriteInt(writer, "code", error.code);
  WriteStr(writer, "message", error.message);
  WriteStr(writer, "context", error.context);
}

// Writes `key` and the items, unless there are none.
template <typename Item, typename WriteItem>
void WriteArray(Writer& writer, std::string_view key, const std::vector<Item>& items,
                WriteItem&& write) {
  if (items.empty()) return;
  writer.Str(key);
  writer.ArrayHeader(static_cast<uint32_t>(items.size()));
  for (const Item& item : items) write(writer, item);
}

}  // namespace

DecodeResult DecodeSyncRequest(std::string_view body, SyncRequest& out) {
  out = {};
  FrameReader reader(body);
  if (reader.Peek() != msgpack::Type::kMap) {
    const bool value = reader.Skip() && reader.AtEnd();
    return {value ? DecodeError::kNotAMap : DecodeError::kMalformed, {}};
  }
  if (ReadRequest(reader, out) && !reader.AtEnd()) return {DecodeError::kMalformed, {}};
  return reader.result();
}

void EncodeSyncResponse(const SyncResponse& response, std::string& out) {
  const auto present = [](const auto& items) { return items.empty() ? 0U : 1U; };
  Writer writer(out);
  writer.MapHeader(1 + CountOf(response.ack) + present(response.deltas) +
                   present(response.query_results) + present(response.errors));
  writer.Str("serverHlc");
  WriteTimestamp(writer, response.server_hlc);
  if (response.ack) WriteAck(writer, *response.ack);
  WriteArray(writer, "deltas", response.deltas, WriteDelta);
  WriteArray(writer, "queryResults", response.query_results, WriteQueryResult);
  WriteArray(writer, "errors", response.errors, WriteError);
}

}  // namespace topgun::wire
