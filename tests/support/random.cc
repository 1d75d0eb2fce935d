#include "support/random.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace topgun::support {
namespace {

uint64_t ChooseSeed() {
  const char* fixed = std::getenv("TOPGUN_SEED");
  const uint64_t seed = fixed != nullptr ? std::stoull(fixed) : std::random_device{}();
  std::printf("TOPGUN_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

}  // namespace

uint64_t TestSeed() {
  static const uint64_t seed = ChooseSeed();
  return seed;
}

}  // namespace topgun::support
