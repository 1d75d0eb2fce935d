#include "query/cursor.h"

#include "absl/strings/escaping.h"
#include "base/bytes.h"
#include "base/status.h"

namespace topgun::query {
namespace {

constexpr uint8_t kCursorFormat = 0x51;  // changes with the content
constexpr size_t kCursorBytesMax = size_t{128} << 10U;

}  // namespace

std::string_view Name(CursorStatus status) {
  switch (status) {
    case CursorStatus::kNone:
      return "none";
    case CursorStatus::kValid:
      return "valid";
    case CursorStatus::kExpired:
      return "expired";
    case CursorStatus::kInvalid:
      break;
  }
  return "invalid";
}

std::string EncodeCursor(const Cursor& cursor) {
  std::string bytes(1, static_cast<char>(kCursorFormat));
  AppendVarint(bytes, static_cast<uint64_t>(cursor.issued_ms));
  AppendVarint(bytes, cursor.fingerprint);
  AppendBytes(bytes, cursor.after);
  return absl::WebSafeBase64Escape(ToAbsl(bytes));
}

CursorStatus DecodeCursor(std::string_view text, uint64_t fingerprint, int64_t now_ms,
                          Cursor* out) {
  if (text.empty()) return CursorStatus::kNone;
  std::string bytes;
  if (text.size() > kCursorBytesMax || !absl::WebSafeBase64Unescape(ToAbsl(text), &bytes)) {
    return CursorStatus::kInvalid;
  }
  ByteCursor reader(bytes);
  const uint8_t format = reader.ReadByte();
  const uint64_t issued_ms = reader.ReadVarint();
  const uint64_t made_for = reader.ReadVarint();
  const std::string_view after = reader.ReadBytes();
  if (!reader.ok() || !reader.AtEnd() || format != kCursorFormat || issued_ms > INT64_MAX) {
    return CursorStatus::kInvalid;
  }
  *out = {.after = std::string(after),
          .fingerprint = made_for,
          .issued_ms = static_cast<int64_t>(issued_ms)};
  if (now_ms - out->issued_ms > kCursorLifeMs) return CursorStatus::kExpired;
  return made_for == fingerprint ? CursorStatus::kValid : CursorStatus::kInvalid;
}

}  // namespace topgun::query
