// What one QUERY_SUB asks for. Identical ones share their evaluation (live_query.h). Immutable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dispatch/io.h"
#include "live/result_set.h"
#include "query/cursor.h"
#include "query/query.h"
#include "state/cell.h"
#include "wire/client_frame.h"

namespace topgun::gateway {

// How a query's subscribers are kept current.
enum class Liveness : uint8_t {
  kKeys,    // every change of a row is told
  kWindow,  // what a change means for the best rows is told
  kGroups,  // read again after changes, what differs is told
  kNever,   // its rows are those of one moment
};

// Memory of all queries of a loop. Outlives them.
struct QueryTextBudget {
  const size_t bytes_max;
  size_t bytes = 0;  // in use

  bool Fits(size_t more) const { return bytes + more <= bytes_max; }
};

class QuerySpec {
 public:
  // Copies what it needs. `now_ms`: wall clock, for the cursor.
  QuerySpec(const wire::QuerySubFrame& frame, query::Query query, int64_t now_ms,
            QueryTextBudget& budget);
  ~QuerySpec();
  QuerySpec(const QuerySpec&) = delete;
  QuerySpec& operator=(const QuerySpec&) = delete;

  // What it takes of the budget.
  static size_t CostOf(const wire::QuerySubFrame& frame);

  const std::string& map() const { return map_; }
  // Equal for queries that are the same to the letter.
  const std::string& identity() const { return identity_; }
  const query::Query& query() const { return query_; }
  query::CursorStatus cursor_status() const { return cursor_status_; }
  // False: the cursor is of no use, so there are no rows.
  bool answerable() const {
    return cursor_status_ == query::CursorStatus::kNone ||
           cursor_status_ == query::CursorStatus::kValid;
  }
  // Rows of a page; nothing: as many as there are.
  std::optional<size_t> limit() const { return limit_; }
  // Rows kept behind the page.
  size_t reserve() const;
  // Rows that a snapshot has to have.
  uint32_t rows_to_read() const;
  Liveness liveness() const;
  // Borrows from the spec.
  MapQuery ForReading() const;

  bool wants_ranks() const { return liveness() != Liveness::kKeys || after_.has_value(); }
  // Sees the record as a row. `rank` and `value` are scratch memory that `row` may refer to.
  void See(const state::CellView& record, RowChange& row, std::string& rank,
           std::string& value) const;

 private:
  std::string_view PartOf(std::string_view part, const wire::QuerySubFrame& frame) const;

  QueryTextBudget& budget_;
  const size_t cost_;
  const std::string map_;
  const std::string identity_;  // the query as it came is at its end
  const query::Query query_;
  MapQuery parts_;  // of identity_
  std::optional<size_t> limit_;
  std::optional<std::string> after_;
  query::CursorStatus cursor_status_ = query::CursorStatus::kNone;
};

}  // namespace topgun::gateway
