#include "client/sync_body.h"

#include "msgpack/reader.h"
#include "msgpack/writer.h"

namespace topgun::loadgen {
namespace {

using msgpack::Reader;
using msgpack::Type;

// Consumes a map; `on_member(key)` must consume the value. What is no map is skipped.
template <typename OnMember>
bool ReadMembers(Reader& reader, OnMember on_member) {
  if (reader.Peek() != Type::kMap) return reader.Skip();
  uint32_t members = 0;
  if (!reader.ReadMapHeader(&members)) return false;
  for (uint32_t i = 0; i < members; ++i) {
    std::string_view key;
    if (!reader.ReadStr(&key) || !on_member(key)) return false;
  }
  return true;
}

bool ReadText(Reader& reader, std::string_view* out) {
  return reader.Peek() == Type::kStr ? reader.ReadStr(out) : reader.Skip();
}

bool ReadAck(Reader& reader, std::optional<std::string_view>* last_id) {
  return ReadMembers(reader, [&](std::string_view key) {
    if (key != "lastId") return reader.Skip();
    return ReadText(reader, &last_id->emplace());
  });
}

bool ReadError(Reader& reader, SyncBodyAnswer::Error* error) {
  return ReadMembers(reader, [&](std::string_view key) {
    if (key == "code" && reader.Peek() == Type::kInt) return reader.ReadInt64(&error->code);
    if (key == "message") return ReadText(reader, &error->message);
    if (key == "context") return ReadText(reader, &error->context);
    return reader.Skip();
  });
}

bool ReadErrors(Reader& reader, std::vector<SyncBodyAnswer::Error>* errors) {
  if (reader.Peek() != Type::kArray) return reader.Skip();
  uint32_t count = 0;
  if (!reader.ReadArrayHeader(&count)) return false;
  for (uint32_t i = 0; i < count; ++i) {
    if (!ReadError(reader, &errors->emplace_back())) return false;
  }
  return true;
}

}  // namespace

std::string SyncBodyHead(std::string_view client_id, int64_t now_ms, uint32_t op_count) {
  std::string out;
  msgpack::Writer writer(out, msgpack::Rendering::kClient);
  writer.MapHeader(op_count == 0 ? 2 : 3);
  writer.Str("clientId");
  writer.Str(client_id);
  writer.Str("clientHlc");
  writer.MapHeader(3);
  writer.Str("millis");
  writer.Number(static_cast<double>(now_ms));
  writer.Str("counter");
  writer.Int(0);
  writer.Str("nodeId");
  writer.Str(client_id);
  if (op_count == 0) return out;
  writer.Str("operations");
  writer.ArrayHeader(op_count);
  return out;
}

StatusOr<SyncBodyAnswer> DecodeSyncAnswer(std::string_view body) {
  SyncBodyAnswer answer;
  Reader reader(body);
  if (reader.Peek() != Type::kMap) return InvalidArgument("the answer is no map");
  const bool read = ReadMembers(reader, [&](std::string_view key) {
    if (key == "ack") return ReadAck(reader, &answer.last_id);
    if (key == "errors") return ReadErrors(reader, &answer.errors);
    return reader.Skip();
  });
  if (!read || !reader.AtEnd()) return InvalidArgument("the answer is not MessagePack");
  return answer;
}

}  // namespace topgun::loadgen
