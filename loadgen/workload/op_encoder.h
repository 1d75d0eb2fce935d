// Encodes operations as the stock client does (core.md 1.2, 5.1), from prepared pieces: everything
// but key, value, clock and id is constant per map and kind. One per connection; not thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workload/key_space.h"
#include "workload/op.h"
#include "workload/value_maker.h"

namespace topgun::loadgen {

class OpEncoder {
 public:
  // The shared parts must outlive the encoder.
  OpEncoder(const KeySpace& keys, const ValueMaker& values, uint32_t run, uint32_t writer);

  // One element of OP_BATCH.payload.ops. `sent_us` goes into the value.
  void Append(const Op& op, int64_t sent_us, std::string& out) const;

 private:
  void AppendTimestamp(const OpStamp& stamp, std::string& out) const;
  void AppendTag(const OpStamp& stamp, std::string& out) const;

  static void AppendTtl(uint32_t ttl_ms, std::string& out);

  static constexpr size_t kKinds = 4;

  const ValueMaker& values_;
  const uint32_t run_;
  const uint32_t writer_;
  const std::string node_id_;
  std::vector<std::array<std::string, kKinds>> heads_;  // by map and kind: up to the key's bytes
  std::string node_member_;                             // "nodeId" and its value
};

// OP_BATCH around `op_count` encoded operations; the frame is head + operations + tail.
std::string OpBatchHead(uint32_t op_count, bool has_write_concern);
std::string OpBatchTail(std::string_view write_concern);  // empty for none

}  // namespace topgun::loadgen
