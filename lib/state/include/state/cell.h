// The cell: one CRDT record as stored in Redis, feed and Postgres (docs/state-layout.md). Values;
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crdt/merge.h"
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

  // Wall clock in ms after which TTL hides the record, if it ever does.
  std::optional<double> ExpiresMs() const {
    if (!has_ttl) return std::nullopt;
    return crdt::ExpiryOf(timestamp.millis, ttl_ms);
  }
  bool Expired(int64_t now_ms) const {
    const std::optional<double> expires_ms = ExpiresMs();
    return expires_ms.has_value() && crdt::IsHidden(*expires_ms, now_ms);
  }
  bool Live(int64_t now_ms) const { return !tombstone && !Expired(now_ms); }
};

void AppendCell(std::string& out, const CellView& cell);
std::string EncodeCell(const CellView& cell);
// False on malformed input; views point into `bytes`.
bool DecodeCell(std::string_view bytes, CellView* out);

}  // namespace topgun::state
