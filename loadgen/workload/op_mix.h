// --mix put=60,remove=10,or-add=20,or-remove=10,query=5: shares of kinds of work. Values; pure.
//
// Weights need not add up to anything. `rmw` (read, modify, write) is a query whose answer is
// followed by a put of the same key; it counts as one of each in what is measured.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "wire/op.h"
#include "workload/key_space.h"

namespace topgun::loadgen {

class OpMix {
 public:
  enum Part : size_t { kPut, kRemove, kOrAdd, kOrRemove, kQuery, kReadModifyWrite, kParts };

  bool empty() const { return total() == 0; }
  uint64_t weight(Part part) const { return weights_[part]; }
  uint64_t lww_writes() const { return weights_[kPut] + weights_[kRemove]; }
  uint64_t or_writes() const { return weights_[kOrAdd] + weights_[kOrRemove]; }
  uint64_t writes() const { return lww_writes() + or_writes(); }
  uint64_t reads() const { return weights_[kQuery] + weights_[kReadModifyWrite]; }
  uint64_t total() const { return writes() + reads(); }
  // Of all operations and queries; 1 when it is empty.
  double write_share() const;
  // How many puts follow a query.
  double puts_per_read() const;

  // The kind of write for a number below writes().
  wire::OpKind WriteAt(uint64_t number) const;
  // What maps it needs: reads are of LWW maps. `lww` when it is empty.
  MapType Maps() const;
  std::string Text() const;

 private:
  friend StatusOr<OpMix> ParseOpMix(const std::string& text);

  std::array<uint64_t, kParts> weights_{};
};

StatusOr<OpMix> ParseOpMix(const std::string& text);

}  // namespace topgun::loadgen
