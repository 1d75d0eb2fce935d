#include "slot_table.h"

#include <algorithm>
#include <utility>

#include "state/keys.h"

namespace topgun::redis {
namespace {

constexpr uint16_t kLastSlot = 16383;

std::string_view HostOf(std::string_view address) { return address.substr(0, address.rfind(':')); }

// A node is [host, port, id, ...]. Its host is empty or nil as long as nobody has told the node
// that answers which of its addresses others use; then it is where we have reached that one.
std::string AddressOfNode(const ReplyView& node, std::string_view asked) {
  std::string host(node[0].is_nil() ? std::string_view() : node[0].str());
  if (host.empty() || host == "?") {
    host = HostOf(asked);
  } else if (host.find(':') != std::string::npos) {
    host = "[" + host + "]";
  }
  return host + ":" + std::to_string(node[1].integer());
}

bool IsRange(const ReplyView& range) {
  return range.size() >= 3 && range[0].integer() >= 0 && range[0].integer() <= range[1].integer() &&
         range[1].integer() <= kLastSlot;
}

}  // namespace

uint16_t SlotOfKey(std::string_view key) {
  const size_t open = key.find('{');
  if (open != std::string_view::npos) {
    const size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) {
      key = key.substr(open + 1, close - open - 1);
    }
  }
  return static_cast<uint16_t>(state::SlotOf(key));
}

SlotTable SlotTable::Of(std::string address) {
  SlotTable table;
  table.AddNode(address);
  table.ranges_.push_back({0, kLastSlot, std::move(address)});
  return table;
}

StatusOr<SlotTable> SlotTable::Parse(const ReplyView& slots, std::string_view asked) {
  if (slots.type() != ReplyType::kArray) return Internal("CLUSTER SLOTS: not a list");
  SlotTable table;
  for (size_t i = 0; i < slots.size(); ++i) {
    const ReplyView range = slots[i];
    if (!IsRange(range)) return Internal("CLUSTER SLOTS: not a range of slots");
    for (size_t n = 2; n < range.size(); ++n) {
      if (range[n].size() < 2) return Internal("CLUSTER SLOTS: not a node");
      const std::string address = AddressOfNode(range[n], asked);
      table.AddNode(address);
      if (n > 2) continue;  // a replica
      table.ranges_.push_back({static_cast<uint16_t>(range[0].integer()),
                               static_cast<uint16_t>(range[1].integer()), address});
    }
  }
  return table;
}

std::string_view SlotTable::AddressOf(uint16_t slot) const {
  const auto range = std::find_if(ranges_.begin(), ranges_.end(), [slot](const Range& each) {
    return each.first <= slot && slot <= each.last;
  });
  return range == ranges_.end() ? std::string_view() : std::string_view(range->address);
}

void SlotTable::AddNode(const std::string& address) {
  if (std::find(nodes_.begin(), nodes_.end(), address) == nodes_.end()) nodes_.push_back(address);
}

}  // namespace topgun::redis
