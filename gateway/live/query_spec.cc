#include "live/query_spec.h"

#include <algorithm>
#include <utility>

namespace topgun::gateway {
namespace {

constexpr size_t kReserveMin = 16;
constexpr size_t kReserveMax = 500;

// A condition that was parsed takes a few times the bytes of its text.
constexpr size_t kParsedFactor = 4;
constexpr size_t kSpecBytes = 512;
constexpr std::string_view kRegex = "regex";
constexpr size_t kRegexBytes = size_t{256} << 10;  // what one may need (lib/query)

// At least as many as there are.
size_t CountRegexes(std::string_view predicate) {
  size_t count = 0;
  for (size_t at = predicate.find(kRegex); at != std::string_view::npos;
       at = predicate.find(kRegex, at + kRegex.size())) {
    ++count;
  }
  return count;
}

std::string IdentityOf(const wire::QuerySubFrame& frame) {
  std::string identity;
  for (const std::string_view part : {frame.map, frame.fields}) {
    identity.append(std::to_string(part.size())).append(":").append(part);
  }
  return identity.append(frame.query);
}

}  // namespace

size_t QuerySpec::CostOf(const wire::QuerySubFrame& frame) {
  return kSpecBytes + frame.map.size() +
         kParsedFactor * (frame.query.size() + frame.fields.size()) +
         kRegexBytes * CountRegexes(frame.predicate);
}

QuerySpec::QuerySpec(const wire::QuerySubFrame& frame, query::Query query, int64_t now_ms,
                     QueryTextBudget& budget)
    : budget_(budget),
      cost_(CostOf(frame)),
      map_(frame.map),
      identity_(IdentityOf(frame)),
      query_(std::move(query)),
      parts_{.where = PartOf(frame.where, frame),
             .predicate = PartOf(frame.predicate, frame),
             .sort = PartOf(frame.sort, frame),
             .group_by = PartOf(frame.group_by, frame),
             .aggregations = PartOf(frame.aggregations, frame)} {
  budget_.bytes += cost_;
  if (frame.limit) limit_ = std::min(*frame.limit, query::Query::kRowsMax);
  if (!frame.cursor) return;
  query::Cursor cursor;
  cursor_status_ = query::DecodeCursor(*frame.cursor, query_.fingerprint(), now_ms, &cursor);
  if (cursor_status_ == query::CursorStatus::kValid) after_ = std::move(cursor.after);
}

QuerySpec::~QuerySpec() { budget_.bytes -= cost_; }

// The same bytes in our copy of the query.
std::string_view QuerySpec::PartOf(std::string_view part, const wire::QuerySubFrame& frame) const {
  if (part.empty()) return {};
  const size_t begin = identity_.size() - frame.query.size();
  return std::string_view(identity_).substr(
      begin + static_cast<size_t>(part.data() - frame.query.data()), part.size());
}

size_t QuerySpec::reserve() const {
  if (liveness() != Liveness::kWindow) return 0;
  return std::clamp(*limit_ / 2, kReserveMin, kReserveMax);
}

uint32_t QuerySpec::rows_to_read() const {
  if (!limit_) return query::Query::kRowsMax;
  // One row tells whether there are any.
  const size_t rows = std::max<size_t>(*limit_ + reserve(), 1);
  return static_cast<uint32_t>(std::min<size_t>(rows, query::Query::kRowsMax));
}

Liveness QuerySpec::liveness() const {
  if (limit_ == size_t{0}) return Liveness::kNever;
  if (query_.grouping()) return Liveness::kGroups;
  return limit_ ? Liveness::kWindow : Liveness::kKeys;
}

MapQuery QuerySpec::ForReading() const {
  MapQuery parts = parts_;
  if (after_) parts.after = *after_;
  return parts;
}

void QuerySpec::See(const state::CellView& record, RowChange& row, std::string& rank,
                    std::string& value) const {
  if (!query_.Matches(row.key, record.value)) return;
  if (wants_ranks()) {
    rank.clear();
    query_.order().AppendRank(row.key, record.value, rank);
    if (after_ && rank <= *after_) return;
    row.rank = rank;
  }
  row.selected = true;
  row.value = record.value;
  if (query_.projection().empty()) return;
  value.clear();
  query_.projection().Append(record.value, value);
  row.value = value;
}

}  // namespace topgun::gateway
