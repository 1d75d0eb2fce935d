// `fields` of a query (features.md 1.8). Immutable; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::query {

class Projection {
 public:
  static constexpr size_t kFieldsMax = 256;

  Projection() = default;  // whole records
  // Array of names; empty, absent or without names: whole records.
  static StatusOr<Projection> Parse(std::string_view fields);

  bool empty() const { return fields_.empty(); }
  // Appends the MessagePack of what is kept of the record: of a map the named fields that exist,
  // values that are no maps unchanged.
  void Append(std::string_view value, std::string& out) const;

 private:
  std::vector<std::string> fields_;  // sorted
};

}  // namespace topgun::query
