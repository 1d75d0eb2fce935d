#include "dispatch/query_support.h"

#include "msgpack/reader.h"

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

}  // namespace

std::string_view UnsupportedQueryPart(const wire::QuerySubFrame& frame) {
  if (HasContent(frame.where)) return "query.where";
  if (!frame.predicate.empty()) return "query.predicate";
  if (HasContent(frame.sort)) return "query.sort";
  if (frame.limit) return "query.limit";
  if (frame.cursor) return "query.cursor";
  if (HasContent(frame.group_by)) return "query.groupBy";
  if (HasContent(frame.fields)) return "fields";
  return {};
}

}  // namespace topgun::gateway
