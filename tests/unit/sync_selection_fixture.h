// Queries and records written as JSON.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "domain/selection.h"
#include "support/vectors.h"

namespace topgun::sync {

inline std::string Packed(std::string_view json) {
  return support::ToMsgpack(support::ParseJson(json));
}

struct QueryJson {
  std::string_view where = {};
  std::string_view predicate = {};
  std::string_view sort = {};
  std::string_view group_by = {};
  std::string_view aggregations = {};
};

inline std::shared_ptr<const Selection> SelectionOf(const QueryJson& json, size_t rows_max,
                                                    std::optional<std::string> after = {}) {
  const auto packed = [](std::string_view text) {
    return text.empty() ? std::string() : Packed(text);
  };
  const std::string where = packed(json.where);
  const std::string predicate = packed(json.predicate);
  const std::string sort = packed(json.sort);
  const std::string group_by = packed(json.group_by);
  const std::string aggregations = packed(json.aggregations);
  query::QueryText text;
  text.where = where;
  text.predicate = predicate;
  text.sort = sort;
  text.group_by = group_by;
  text.aggregations = aggregations;
  StatusOr<query::Query> parsed = query::Query::Parse(text);
  EXPECT_TRUE(parsed.ok()) << Message(parsed.status());
  auto selection = std::make_shared<Selection>();
  if (parsed.ok()) selection->query = *std::move(parsed);
  selection->rows_max = rows_max;
  selection->after = std::move(after);
  return selection;
}

// "a b c"
template <typename Rows>
std::string KeysOfRows(const Rows& rows) {
  std::string joined;
  for (const Row& row : rows) joined += (joined.empty() ? "" : " ") + row.key;
  return joined;
}

}  // namespace topgun::sync
