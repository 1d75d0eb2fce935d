#include "options/merkle.h"

#include "options/option_parser.h"

namespace topgun::loadgen {

void RegisterMerkleOptions(OptionParser& parser, MerkleConfig& merkle) {
  parser.BeginGroup("Merkle sync (scenarios merkle-*)");
  parser.Choice<MerkleLack>("--lack", merkle.lack,
                            {{"nothing", MerkleLack::kNothing},
                             {"some", MerkleLack::kSome},
                             {"everything", MerkleLack::kEverything}},
                            "What a client lacks when it begins to sync a map of --keys keys");
  parser.Count("--behind", merkle.behind, "With --lack some: so many keys");
  parser.Choice<MerkleSpread>(
      "--spread", merkle.spread,
      {{"random", MerkleSpread::kRandom}, {"newest", MerkleSpread::kNewest}},
      "With --lack some: any keys, or those written last");
  parser.Count("--syncs", merkle.syncs, "Syncs per connection, one after the other");
}

Status CheckMerkle(const MerkleConfig& merkle, const DataConfig& data) {
  if (merkle.syncs == 0) return InvalidArgument("--syncs: at least 1");
  if (merkle.lack == MerkleLack::kSome && merkle.behind == 0) {
    return InvalidArgument("--behind: at least 1; a client that lacks nothing is --lack nothing");
  }
  if (data.keys == 0) return InvalidArgument("--keys: a map to sync has at least 1");
  if (data.map_type == MapType::kMixed) {
    return InvalidArgument("--map-type mixed: one map is synced; say lww or or");
  }
  return OkStatus();
}

}  // namespace topgun::loadgen
