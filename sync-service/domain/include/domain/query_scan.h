// Looks through one loop's part of an LWW map for the rows that a query selects, a slice per turn
// of the loop: commits run there too.
//
// Between slices the content may change: what has changed since the scan began is found as it was
// or as it is. Once content was dropped the scan is worthless (MapView::generation()). Used on the
// view's loop; the content outlives it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "domain/lww_content.h"
#include "domain/selection.h"

namespace topgun::sync {

struct SliceLimits {
  size_t cells_max = 2'000;
  // A stranger's condition may cost far more per row than an ordinary one. Looked at every few
  // rows.
  std::chrono::microseconds time_max{2'000};
};

class QueryScan {
 public:
  // `now_ms`: decides which rows are hidden.
  QueryScan(LwwContent& content, std::shared_ptr<const Selection> selection, int64_t now_ms);

  // Looks at some more cells. True: there are no more. RESOURCE_EXHAUSTED: too many groups.
  StatusOr<bool> Continue(const SliceLimits& limits);
  // Once there are no more. Without positions.
  Selected Take();

  size_t cells() const { return cells_; }  // looked at

 private:
  bool Look(const RowView& row);

  LwwContent& content_;
  const std::shared_ptr<const Selection> selection_;
  const int64_t now_ms_;
  std::string next_;  // key to go on from
  size_t cells_ = 0;
  TopRows best_;
  Selected found_;
  std::string rank_;  // of the row looked at
};

}  // namespace topgun::sync
