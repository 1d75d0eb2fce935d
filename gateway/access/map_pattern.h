// Which maps a policy is about (core.md 10): names in segments, separated by dots.
//
//   *    alone: every name; as a segment: exactly one segment, whatever it is
//   **   any number of segments, also none
//   else the segment itself, case-sensitive; there is no prefix*: its star is a star
//
// A value; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace topgun::gateway {

class MapPattern {
 public:
  static constexpr size_t kBytesMax = 1'024;

  // INVALID_ARGUMENT says what is wrong with the text.
  static StatusOr<MapPattern> Parse(std::string_view text);

  bool Matches(std::string_view map) const;

 private:
  enum class Kind : uint8_t { kLiteral, kOne, kAny };
  struct Segment {
    Kind kind = Kind::kLiteral;
    std::string text;
  };

  bool everything_ = false;
  std::vector<Segment> segments_;
};

}  // namespace topgun::gateway
