// The digest of a cell in its primary key: sha256 of the length-prefixed key and the tag. One
// thread at a time.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace topgun::pg {

using KeyDigest = std::array<unsigned char, 32>;

inline std::string_view BytesOf(const KeyDigest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// SHA256() looks the algorithm up each time, which takes longer than the digest of a key.
class KeyDigester {
 public:
  KeyDigester();

  KeyDigest Of(std::string_view key, std::string_view tag);

 private:
  struct Free {
    void operator()(EVP_MD* digest) const { EVP_MD_free(digest); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  const std::unique_ptr<EVP_MD, Free> sha256_;
  const std::unique_ptr<EVP_MD_CTX, Free> context_;
  std::string text_;  // reused
};

}  // namespace topgun::pg
