// Rows of one statement, in binary format. Movable value; any thread, one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/status.h"

struct pg_result;

namespace topgun::pg {

struct ResultDeleter {
  void operator()(pg_result* result) const;
};

class Result {
 public:
  explicit Result(pg_result* result) : result_(result) {}  // takes ownership

  int rows() const;
  int64_t Int(int row, int column) const;  // int2, int4, int8; 0 for NULL
  uint64_t Unsigned(int row, int column) const { return static_cast<uint64_t>(Int(row, column)); }
  std::string_view Bytes(int row, int column) const;  // bytea and text; lives as long as the result

 private:
  std::unique_ptr<pg_result, ResultDeleter> result_;
};

// Status of a failed statement: TG001 (topgun.begin_flush) is ABORTED; a row that is there already
// is ALREADY_EXISTS; a lost connection, a server that starts or stops, a lack of resources, a
// deadlock and a serialization failure are UNAVAILABLE (may be repeated); everything else is
// INTERNAL.
Status StatusOfSqlState(std::string_view sql_state, std::string_view message);

}  // namespace topgun::pg
