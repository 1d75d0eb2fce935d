#include "pg/result.h"

#include <libpq-fe.h>

#include <string>

#include "pg/big_endian.h"

namespace topgun::pg {

void ResultDeleter::operator()(pg_result* result) const { PQclear(result); }

int Result::rows() const { return PQntuples(result_.get()); }

std::string_view Result::Bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<size_t>(PQgetlength(result_.get(), row, column))};
}

int64_t Result::Int(int row, int column) const { return ReadBigEndian(Bytes(row, column)); }

constexpr std::string_view kUniqueViolation = "23505";

Status StatusOfSqlState(std::string_view sql_state, std::string_view message) {
  while (!message.empty() && message.back() == '\n') message.remove_suffix(1);
  std::string text(message);
  if (!sql_state.empty()) text.append(" (").append(sql_state).append(")");
  if (sql_state == "TG001") return Aborted(text);
  if (sql_state == kUniqueViolation) return MakeStatus(StatusCode::kAlreadyExists, text);
  const std::string_view state_class = sql_state.substr(0, 2);
  const bool retryable = sql_state.empty() || state_class == "08" || state_class == "53" ||
                         state_class == "57" || state_class == "40" ||
                         sql_state == "25006";  // a standby that is about to be promoted
  return retryable ? Unavailable(text) : Internal(text);
}

}  // namespace topgun::pg
