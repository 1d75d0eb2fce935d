#include "stable_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/bytes.h"

namespace topgun::query {

uint64_t StableHash(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string StableHashName(std::string_view bytes) {
  XXH128_canonical_t name;
  XXH128_canonicalFromHash(&name, XXH3_128bits(bytes.data(), bytes.size()));
  return ToHex({reinterpret_cast<const char*>(name.digest), sizeof name.digest});
}

}  // namespace topgun::query
