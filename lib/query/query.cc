#include "query/query.h"

#include <string>
#include <utility>

#include "base/bytes.h"
#include "query_part.h"
#include "stable_hash.h"

namespace topgun::query {
namespace {

// The same in every process: cursors travel between gateways.
uint64_t FingerprintOf(const QueryText& text) {
  std::string parts;
  for (const std::string_view part :
       {text.where, text.predicate, text.sort, text.group_by, text.aggregations}) {
    AppendBytes(parts, IsAbsent(part) ? std::string_view() : part);
  }
  return StableHash(parts);
}

}  // namespace

StatusOr<Query> Query::Parse(const QueryText& text) {
  Query query;
  ASSIGN_OR_RETURN(query.filter_, Filter::Parse(text.where, text.predicate));
  ASSIGN_OR_RETURN(query.order_, SortOrder::Parse(text.sort));
  ASSIGN_OR_RETURN(query.grouping_, Grouping::Parse(text.group_by, text.aggregations));
  ASSIGN_OR_RETURN(query.projection_, Projection::Parse(text.fields));
  query.fingerprint_ = FingerprintOf(text);
  return query;
}

}  // namespace topgun::query
