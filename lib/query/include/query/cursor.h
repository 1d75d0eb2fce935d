// Where a page ended (features.md 1.7): opaque text for clients, valid for ten minutes and for the
// query it was made for. Forging one gains nothing: it only says which rows to leave out. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace topgun::query {

enum class CursorStatus : uint8_t { kNone, kValid, kExpired, kInvalid };

std::string_view Name(CursorStatus status);  // as QUERY_RESP has it

inline constexpr int64_t kCursorLifeMs = 600'000;

struct Cursor {
  std::string after;         // rank of the last row (sort_order.h)
  uint64_t fingerprint = 0;  // of the query
  int64_t issued_ms = 0;     // wall clock
};

std::string EncodeCursor(const Cursor& cursor);  // base64url without padding
// kNone when there is no text, kInvalid when it is no cursor or of another query; expiry is
// reported in preference to that.
CursorStatus DecodeCursor(std::string_view text, uint64_t fingerprint, int64_t now_ms, Cursor* out);

}  // namespace topgun::query
