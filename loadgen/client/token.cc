#include "client/token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "client/base64.h"

namespace topgun::loadgen {
namespace {

std::string HmacSha256(std::string_view secret, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

}  // namespace

std::string MintToken(const TokenClaims& claims, std::string_view secret) {
  const std::string header = R"({"alg":"HS256","typ":"JWT"})";
  const std::string payload = R"({"sub":")" + claims.subject + R"(","roles":["USER"],"iat":)" +
                              std::to_string(claims.issued_at_s) + R"(,"exp":)" +
                              std::to_string(claims.issued_at_s + claims.lifetime_s) + "}";
  const std::string text = Base64Url(header) + "." + Base64Url(payload);
  return text + "." + Base64Url(HmacSha256(secret, text));
}

}  // namespace topgun::loadgen
