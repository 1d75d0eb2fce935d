// Which primary holds which hash slots. A value; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "redis/reply.h"

namespace topgun::redis {

// Slot of a key in Redis Cluster: of what stands between its first braces, if anything does.
uint16_t SlotOfKey(std::string_view key);

class SlotTable {
 public:
  // One server has all of them.
  static SlotTable Of(std::string address);
  // From the reply to CLUSTER SLOTS. `asked` is the address of the node that gave it: a node may
  // not know its own. INTERNAL when the reply has another shape.
  static StatusOr<SlotTable> Parse(const ReplyView& slots, std::string_view asked);

  // Empty when nobody has the slot. Lives as long as the table.
  std::string_view AddressOf(uint16_t slot) const;
  // Primaries and replicas, each once: whoever may be asked about the cluster.
  const std::vector<std::string>& nodes() const { return nodes_; }

 private:
  struct Range {
    uint16_t first = 0;
    uint16_t last = 0;
    std::string address;
  };

  void AddNode(const std::string& address);

  std::vector<Range> ranges_;
  std::vector<std::string> nodes_;
};

}  // namespace topgun::redis
