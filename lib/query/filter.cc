#include "query/filter.h"

#include <string>
#include <utility>

#include "leaf_builder.h"
#include "msgpack/reader.h"
#include "query/predicate.h"
#include "query_part.h"
#include "where.h"

namespace topgun::query {
namespace {

StatusOr<Condition> ParseWhereWithin(std::string_view where) {
  if (where.size() > Filter::kWhereBytesMax) {
    return InvalidArgument("must have at most " + std::to_string(Filter::kWhereBytesMax) +
                           " bytes");
  }
  RETURN_IF_ERROR(msgpack::Validate(where));
  return ParseWhere(where);
}

}  // namespace

StatusOr<Filter> Filter::Parse(std::string_view where, std::string_view predicate) {
  Filter filter;
  if (!IsAbsent(where)) {
    StatusOr<Condition> parsed = ParseWhereWithin(where);
    if (!parsed.ok()) return Annotate(parsed.status(), "where");
    filter.where_ = *std::move(parsed);
  }
  if (!IsAbsent(predicate)) {
    StatusOr<Condition> parsed = ParsePredicate(predicate, PredicateKind::kOfQuery);
    if (!parsed.ok()) return Annotate(parsed.status(), "predicate");
    filter.predicate_ = *std::move(parsed);
  }
  return filter;
}

bool Filter::Matches(std::string_view key, std::string_view value) const {
  if (IsNil(value)) return false;
  if (empty()) return true;
  ConditionContext context{.key = key, .data = value, .steps = kStepsMax};
  const bool holds =
      (!where_ || where_->Holds(context)) && (!predicate_ || predicate_->Holds(context));
  return holds && !context.exhausted();
}

}  // namespace topgun::query
