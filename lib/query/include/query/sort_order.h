// The order of a query's rows (features.md 1.6) as bytes: a row's *rank* compares bytewise like the
// rows do, and no two keys have the same. So results are kept, merged and cut, and pages continued,
// by comparing strings.
//
//   rank  := field*  key
//   field := 01 number (8 bytes, ordered) | 02 text (00 escaped, terminated) | 03 (missing or nil)
//
// Of a descending field the bytes behind the first are inverted, and numbers and text change
// places; missing stays last. Immutable; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "msgpack/reader.h"

namespace topgun::query {

class SortOrder {
 public:
  static constexpr size_t kFieldsMax = 16;
  static constexpr size_t kTextBytesMax = 1'024;  // of longer texts only these are compared

  SortOrder() = default;  // by key alone
  // Array of {field, direction}, or the map {field: direction} of old clients; empty: absent.
  static StatusOr<SortOrder> Parse(std::string_view sort);

  // `value` is the MessagePack of the whole record (`_key` and `_value` as in filter.h).
  void AppendRank(std::string_view key, std::string_view value, std::string& out) const;
  bool by_key() const { return names_.empty(); }

 private:
  Status ReadMap(msgpack::Reader& reader);
  Status ReadArray(msgpack::Reader& reader);
  Status ReadItem(msgpack::Reader& reader, const std::string& place);
  Status Add(std::string_view name, bool descending);

  std::vector<std::string> names_;
  std::vector<bool> descending_;  // of each name
};

}  // namespace topgun::query
