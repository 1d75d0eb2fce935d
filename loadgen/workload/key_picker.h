// Which key the next operation touches.
//
//   uniform  every key of the map equally often
//   zipf     a few keys get most operations (Gray et al., "Quickly generating billion-record
//            synthetic databases"); key 0 is the hottest
//   hot      a share of the keys, the first ones, gets a share of the operations
//   seq      one after the other; connection i of n takes i, i+n, i+2n, ... so that all of them
//            together visit each key once per round. With an unbounded key space every key is new.
//   partitioned  uniform among the keys i, i+n, i+2n, ...: no two connections share a key
#pragma once

#include <cstdint>
#include <memory>

#include "workload/random.h"

namespace topgun::loadgen {

enum class KeyDistribution : uint8_t { kUniform, kZipf, kSequential, kHot, kPartitioned };

// Constants of a Zipf distribution over `items` ranks; costs one pow() per rank to build, so one
// is shared by all connections. Immutable; any thread.
class ZipfTable {
 public:
  ZipfTable(uint64_t items, double theta);

  uint64_t Sample(Random& random) const;

 private:
  double items_;
  double theta_;
  double alpha_;
  double zeta_;
  double eta_;
};

// One per connection. Not thread-safe.
class KeyPicker {
 public:
  struct Spec {
    KeyDistribution distribution = KeyDistribution::kUniform;
    uint64_t keys = 1;                           // 0: unbounded, sequential only
    std::shared_ptr<const ZipfTable> zipf = {};  // kZipf only
    uint64_t first = 0;                          // kSequential and kPartitioned
    uint64_t stride = 1;
    uint64_t hot_keys = 1;  // kHot only, below `keys`
    double hot_share = 0;   // of the operations
  };

  explicit KeyPicker(const Spec& spec) : spec_(spec), next_(spec.first) {}

  uint64_t Next(Random& random);
  // A key to read. Where writes come in sequence, one of the latest of them.
  uint64_t NextRead(Random& random);

 private:
  uint64_t NextOwn(Random& random) const;

  Spec spec_;
  uint64_t next_;
};

}  // namespace topgun::loadgen
