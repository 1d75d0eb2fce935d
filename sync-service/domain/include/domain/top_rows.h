// The best of many rows: at most so many are kept, those of the lowest rank.
//
// A row is borrowed when it is offered and copied by Settle() if it is still among the best then.
// Offered many at a time, rows in the worst order (the newest first of a map whose keys ascend with
// time) do not cost a copy each. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "domain/lww_content.h"

namespace topgun::sync {

struct RankedRow {
  std::string rank;  // query/sort_order.h
  Row row;
};

class TopRows {
 public:
  explicit TopRows(size_t rows_max) : rows_max_(rows_max) {}

  // Takes the rank if the row is kept; `rank` means nothing afterwards.
  void Offer(std::string& rank, const RowView& row);
  // Copies what is borrowed and kept; called before it changes.
  void Settle();
  // By ascending rank, after Settle(). Nothing is kept any more.
  std::vector<RankedRow> Take();

 private:
  struct Kept {
    RankedRow ranked;
    std::optional<RowView> borrowed;  // what `ranked.row` is to be
  };

  const size_t rows_max_;
  std::vector<Kept> kept_;
  std::vector<size_t> heap_;      // of kept_, the worst one on top
  std::vector<size_t> borrowed_;  // of kept_, since Settle(); one may be there twice
};

}  // namespace topgun::sync
