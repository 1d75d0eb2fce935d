// Any bytes, as the parts of a query, as a row and as a cursor. The input is two MessagePack
// values: a map of the parts by their names, and the value of the row. Besides not crashing:
//   - what is refused says why
//   - no two keys have the same rank
//   - projected records and rows of groups are well-formed when the record is
//   - the same query has the same fingerprint
//   - a cursor leads back to where it was made
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "msgpack/reader.h"
#include "query/cursor.h"
#include "query/query.h"

namespace topgun::query {
namespace {

void Check(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "broken property: %s\n", what);
  std::abort();
}

bool ReadParts(msgpack::Reader& reader, QueryText& out) {
  uint32_t count = 0;
  if (reader.Peek() != msgpack::Type::kMap || !reader.ReadMapHeader(&count)) return false;
  for (uint32_t i = 0; i < count; ++i) {
    std::string_view name;
    std::string_view raw;
    if (!reader.ReadStr(&name) || !reader.ReadRaw(&raw)) return false;
    if (name == "where") out.where = raw;
    if (name == "predicate") out.predicate = raw;
    if (name == "sort") out.sort = raw;
    if (name == "groupBy") out.group_by = raw;
    if (name == "aggregations") out.aggregations = raw;
    if (name == "fields") out.fields = raw;
  }
  return true;
}

std::string Rank(const Query& query, std::string_view key, std::string_view row) {
  std::string rank;
  query.order().AppendRank(key, row, rank);
  return rank;
}

void CheckGroups(const Grouping& grouping, std::string_view row, bool well_formed) {
  GroupTable table(grouping);
  GroupTable other(grouping);
  Check(table.Add("key", row) && other.Add("key", row) && table.Merge(std::move(other)),
        "there is room for a group");
  Check(table.size() == 1, "a row is in one group");
  table.ForEachRow([well_formed](std::string_view, std::string_view value) {
    Check(!well_formed || msgpack::Validate(value).ok(), "rows of groups are well-formed");
  });
}

void CheckQuery(const QueryText& text, std::string_view row) {
  const StatusOr<Query> query = Query::Parse(text);
  if (!query.ok()) {
    Check(!Message(query.status()).empty(), "errors say something");
    return;
  }
  Check(Query::Parse(text)->fingerprint() == query->fingerprint(), "fingerprints are stable");
  query->Matches("key", row);
  Check(Rank(*query, "a", row) != Rank(*query, "b", row), "ranks tell keys apart");
  const bool well_formed = msgpack::Validate(row).ok();
  std::string projected;
  query->projection().Append(row, projected);
  Check(!well_formed || msgpack::Validate(projected).ok(), "projections are well-formed");
  if (query->grouping()) CheckGroups(*query->grouping(), row, well_formed);
}

void CheckCursor(std::string_view bytes) {
  Cursor cursor;
  DecodeCursor(bytes, 0, 0, &cursor);
  const std::string text =
      EncodeCursor({.after = std::string(bytes), .fingerprint = bytes.size(), .issued_ms = 1});
  Check(DecodeCursor(text, bytes.size(), 1, &cursor) == CursorStatus::kValid, "a cursor is valid");
  Check(cursor.after == bytes, "a cursor leads back");
}

}  // namespace
}  // namespace topgun::query

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace topgun::query;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size < 50'000) CheckCursor(bytes);  // longer ones are invalid
  topgun::msgpack::Reader reader(bytes);
  QueryText text;
  if (ReadParts(reader, text)) CheckQuery(text, bytes.substr(reader.position()));
  return 0;
}
