// What was seen of OR tags from the outside, by live events or by a Merkle walk. Plain data.
#pragma once

#include <cstdint>
#include <vector>

namespace topgun::loadgen {

struct TagSighting {
  int64_t millis = 0;
  uint32_t counter = 0;
  uint32_t writer = 0;
  bool removed = false;
};

struct Sightings {
  std::vector<TagSighting> tags;
  bool complete = true;  // false: something may have gone unseen
};

}  // namespace topgun::loadgen
