// One page of a query in POST /sync: rows that pass the filter, from the offset or the cursor on,
// up to the limit (core.md 9.1). Without a limit, and for rows that are too large together, the
// server's own limits end the page; the client finds `nextCursor` then.
//
// Rows come from outside, so that it does not matter how they were read. Borrows everything; one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/byte_arena.h"
#include "http/equality_filter.h"

namespace topgun::gateway {

struct PageLimits {
  size_t rows_max = 10'000;
  size_t bytes_max = size_t{8} << 20;
};

class SyncPage {
 public:
  SyncPage(const EqualityFilter& filter, const PageLimits& limits, std::optional<uint32_t> limit,
           uint32_t offset, std::optional<std::string> after)
      : filter_(filter),
        limits_(limits),
        rows_max_(limit && *limit < limits.rows_max ? *limit : limits.rows_max),
        offset_(after ? 0 : offset),
        after_(std::move(after)) {}

  // Rows in ascending order of their keys. False: the page is full, and there is more.
  bool Add(std::string_view key, std::string_view value);
  // Forgets all rows, in order to begin again with others.
  void Clear();
  // Copies what it borrows, so that the rows may go.
  void Keep(ByteArena& arena);

  const std::vector<std::string_view>& values() const { return values_; }
  bool has_more() const { return has_more_; }
  std::string_view last_key() const { return last_key_; }

 private:
  const EqualityFilter& filter_;
  const PageLimits limits_;
  const size_t rows_max_;
  const uint32_t offset_;
  const std::optional<std::string> after_;
  std::vector<std::string_view> values_;
  std::string_view last_key_;
  size_t bytes_ = 0;
  uint32_t skipped_ = 0;
  bool has_more_ = false;
};

}  // namespace topgun::gateway
