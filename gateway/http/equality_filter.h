// The filter of a query in POST /sync (core.md 9.1): every named field must equal a value.
//
// Equality is that of features.md 1.4 (msgpack/equal.h), and nil is equal to nothing. A name is a
// field of the record or, failing that, a path of fields joined by dots. Immutable; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::gateway {

class EqualityFilter {
 public:
  static constexpr size_t kFieldsMax = 32;

  // `filter` is MessagePack; anything but a map, also nothing, lets everything pass.
  static StatusOr<EqualityFilter> Parse(std::string_view filter);

  // `value` is the MessagePack of a record's value.
  bool Matches(std::string_view value) const;

 private:
  struct Field {
    std::string name;
    std::string value;
  };

  std::vector<Field> fields_;
};

}  // namespace topgun::gateway
