#include "http/sync_cursor.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace topgun::gateway {
namespace {

constexpr size_t kDigestBytes = 8;
constexpr size_t kCursorBytesMax = size_t{128} << 10;

// Of the cursor's content together with its scope.
std::string DigestOf(const CursorScope& scope, std::string_view content) {
  std::string text;
  AppendBytes(text, scope.map);
  AppendBytes(text, scope.filter);
  AppendBytes(text, content);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return {reinterpret_cast<const char*>(digest.data()), kDigestBytes};
}

// Base64 with the alphabet for URLs, padded.
std::string ToBase64Url(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(bytes.data()),
                                   static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(size));
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

// Empty when it is no such text. Padding leaves zeros at the end.
std::string FromBase64Url(std::string_view text) {
  std::string standard(text);
  std::replace(standard.begin(), standard.end(), '-', '+');
  std::replace(standard.begin(), standard.end(), '_', '/');
  std::string bytes(text.size() / 4 * 3 + 1, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                   reinterpret_cast<const unsigned char*>(standard.data()),
                                   static_cast<int>(standard.size()));
  bytes.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return bytes;
}

}  // namespace

std::string EncodeCursor(const CursorScope& scope, std::string_view last_key, int64_t now_ms) {
  std::string content;
  AppendVarint(content, static_cast<uint64_t>(now_ms + kCursorValidMs));
  AppendBytes(content, last_key);
  return ToBase64Url(DigestOf(scope, content) + content);
}

StatusOr<std::string> DecodeCursor(const CursorScope& scope, std::string_view cursor,
                                   int64_t now_ms) {
  const Status invalid = InvalidArgument("invalid or expired cursor");
  if (cursor.size() > kCursorBytesMax) return invalid;
  const std::string bytes = FromBase64Url(cursor);
  if (bytes.size() < kDigestBytes) return invalid;
  const std::string_view content = std::string_view(bytes).substr(kDigestBytes);
  ByteCursor reader(content);
  const uint64_t expires_ms = reader.ReadVarint();
  const std::string last_key(reader.ReadBytes());
  if (!reader.ok()) return invalid;
  const std::string_view whole = content.substr(0, content.size() - reader.rest().size());
  if (DigestOf(scope, whole) != std::string_view(bytes).substr(0, kDigestBytes)) return invalid;
  if (expires_ms < static_cast<uint64_t>(now_ms)) return invalid;
  return last_key;
}

}  // namespace topgun::gateway
