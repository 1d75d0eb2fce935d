// What the clients of the merkle scenarios lack and how often they sync.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "options/data.h"

namespace topgun::loadgen {

class OptionParser;

enum class MerkleLack : uint8_t { kNothing, kSome, kEverything };
enum class MerkleSpread : uint8_t { kRandom, kNewest };

struct MerkleConfig {
  MerkleLack lack = MerkleLack::kNothing;  // the scenario says it
  uint64_t behind = 100;
  MerkleSpread spread = MerkleSpread::kRandom;
  uint64_t syncs = 100;  // per connection
};

void RegisterMerkleOptions(OptionParser& parser, MerkleConfig& merkle);
// Rules of the merkle scenarios.
Status CheckMerkle(const MerkleConfig& merkle, const DataConfig& data);

}  // namespace topgun::loadgen
