// A change of a cell as it goes to clients: encoded once, however many receive it (core.md 6,
// features.md 1.1). Values; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "dispatch/io.h"
#include "ws/outbound_queue.h"

namespace topgun::gateway {

struct EncodedChange {
  uint32_t shard = 0;
  state::Position position;
  std::string origin;
  std::string key;
  bool tell_origin = false;
  bool is_lww = false;
  uint64_t value_id = 0;  // of an LWW record: hash of map, key and value

  SharedBytes event;   // SERVER_EVENT; null when the cell is no client's business
  SharedBytes update;  // everything of a QUERY_UPDATE behind the subscription's prefix; or null
  wire::ChangeType change = wire::ChangeType::kUpdate;
  std::optional<double> expires_ms;  // of a live row: wall clock after which its TTL hides it

  size_t size() const {
    return key.size() + (event ? event->size() : 0) + (update ? update->size() : 0);
  }
};

// Null when the cell cannot be decoded or is of a kind clients do not see.
std::shared_ptr<const EncodedChange> EncodeChange(const Change& change, int64_t now_ms);

}  // namespace topgun::gateway
