#include "dispatch/op_identity.h"

#define XXH_INLINE_ALL  // half of the cost of short inputs is the call
#include <xxhash.h>

#include <array>
#include <string_view>

namespace topgun::gateway {
namespace {

// Folds fields in one after the other. Each half takes its own half of a field's hash, so both stay
// independent; the multiplication by an odd number makes the order count.
class Folder {
 public:
  void Add(std::string_view bytes) {
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    high_ = (high_ ^ hash.high64) * kOddHigh;
    low_ = (low_ ^ hash.low64) * kOddLow;
  }
  OpIdentity value() const { return {.high = high_, .low = low_}; }

 private:
  static constexpr uint64_t kOddHigh = 0x9e3779b97f4a7c15;
  static constexpr uint64_t kOddLow = 0xc2b2ae3d27d4eb4f;

  uint64_t high_ = 1;
  uint64_t low_ = 1;
};

}  // namespace

OpIdentity IdentityOf(const wire::Op& op) {
  const std::array<int64_t, 3> numbers = {op.timestamp.millis, op.timestamp.counter,
                                          static_cast<int64_t>(op.kind)};
  Folder folder;
  folder.Add({reinterpret_cast<const char*>(numbers.data()), sizeof numbers});
  for (const std::string_view field :
       {op.map, op.key, op.tag, op.id, op.timestamp.node_id, op.value}) {
    folder.Add(field);
  }
  return folder.value();
}

}  // namespace topgun::gateway
