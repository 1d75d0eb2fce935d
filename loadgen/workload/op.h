// One write of the generator. Plain data.
#pragma once

#include <cstdint>

#include "wire/op.h"

namespace topgun::loadgen {

struct OpStamp {
  int64_t millis = 0;
  int64_t counter = 0;
};

struct Op {
  wire::OpKind kind = wire::OpKind::kPut;
  uint32_t map = 0;
  uint64_t key = 0;
  uint64_t id = 0;         // decimal on the wire, growing per connection (core.md 5.1)
  OpStamp stamp = {};      // of this operation
  OpStamp tag = {};        // kOrRemove: timestamp of the record to remove
  uint32_t ttl_ms = 0;     // kPut and kOrAdd: how long the record is visible; 0: for good
  uint32_t tag_index = 0;  // OR: number of the record among this connection's (verify/or_ledger.h)
};

}  // namespace topgun::loadgen
