// PN counter: two grow-only maps from node to amount; value = sum(positive) - sum(negative)
// (features.md 4). Amounts are JavaScript numbers and may be fractional. Movable value; not
// thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/status.h"
#include "msgpack/writer.h"

namespace topgun::crdt {

class PnCounter {
 public:
  using Amounts = std::map<std::string, double, std::less<>>;

  PnCounter() = default;
  PnCounter(Amounts positive, Amounts negative);

  // Adds to what `node` has counted, downwards if delta is negative; returns the new value.
  double Add(std::string_view node, double delta);
  // Larger entry per node and side wins; entries not above 0 and not finite ones never do.
  // False if nothing changed.
  bool Merge(const PnCounter& other);
  // The same of what one node has counted.
  bool Raise(std::string_view node, double positive, double negative);
  // The entries by which Merge() into `other` would change it.
  PnCounter Beyond(const PnCounter& other) const;
  double Value() const;

  const Amounts& positive() const { return positive_; }
  const Amounts& negative() const { return negative_; }
  size_t amounts() const { return positive_.size() + negative_.size(); }
  bool empty() const { return amounts() == 0; }

  // Stored form: {p, n}.
  void Encode(msgpack::Writer& writer) const;
  // Wire form: {p, n, positive, negative}, the two spellings that clients read.
  void EncodeWire(msgpack::Writer& writer) const;
  // Accepts either spelling and takes the larger of each entry if both are there. InvalidArgument
  // if the bytes are no such map; unknown members are skipped. ResourceExhausted if they list more
  // than `amounts_max`, which is found before they are read.
  static StatusOr<PnCounter> Decode(std::string_view state, uint64_t amounts_max = UINT64_MAX);

  friend bool operator==(const PnCounter&, const PnCounter&) = default;

 private:
  Amounts positive_;
  Amounts negative_;
};

}  // namespace topgun::crdt
