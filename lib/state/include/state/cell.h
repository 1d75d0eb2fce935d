// The cell: one CRDT record as stored in Redis, feed and Postgres (docs/state-layout.md). Values;
// any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "crdt/timestamp.h"
#include "state/position.h"

namespace topgun::state {

// Borrows node id and value from the encoded bytes.
struct CellView {
  Position version;
  int64_t commit_ms = 0;
  crdt::TimestampView timestamp;
  bool tombstone = false;
  bool has_ttl = false;
  double ttl_ms = 0;
  std::string_view value;  // MessagePack; empty for a tombstone

  // TTL hides, strictly after millis + ttl (core.md 4.1).
  bool Expired(int64_t now_ms) const {
    return has_ttl && ttl_ms > 0 &&
           static_cast<double>(timestamp.millis) + ttl_ms < static_cast<double>(now_ms);
  }
  bool Live(int64_t now_ms) const { return !tombstone && !Expired(now_ms); }
};

void AppendCell(std::string& out, const CellView& cell);
std::string EncodeCell(const CellView& cell);
// False on malformed input; views point into `bytes`.
bool DecodeCell(std::string_view bytes, CellView* out);

}  // namespace topgun::state
