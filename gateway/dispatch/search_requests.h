// Full-text search as connections see it (features.md 7): they hand requests over, and say when
// they go. search/ implements this; one instance per loop, used on its thread.
#pragma once

#include <cstddef>
#include <string_view>

#include "wire/search_frame.h"

namespace topgun::gateway {

class Connection;

class SearchRequests {
 public:
  virtual ~SearchRequests() = default;

  // Answered by a SEARCH_RESP, later or at once.
  virtual void OnSearch(Connection& connection, const wire::SearchFrame& frame) = 0;
  // The same, and SEARCH_UPDATEs follow until it ends.
  virtual void OnSearchSub(Connection& connection, const wire::SearchFrame& frame) = 0;
  // Never answered.
  virtual void OnSearchUnsub(Connection& connection, std::string_view subscription_id) = 0;
  // The policies may have changed.
  virtual void Recheck() = 0;
  virtual void Forget(Connection& connection) = 0;
  virtual size_t CountOf(Connection& connection) const = 0;  // of its live searches
};

}  // namespace topgun::gateway
