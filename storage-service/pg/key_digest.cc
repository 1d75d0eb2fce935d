#include "key_digest.h"

#include <cstdlib>

#include "base/bytes.h"

namespace topgun::pg {

KeyDigester::KeyDigester()
    : sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {}

KeyDigest KeyDigester::Of(std::string_view key, std::string_view tag) {
  text_.clear();
  AppendBytes(text_, key);
  text_.append(tag);
  KeyDigest digest;
  const bool made = EVP_DigestInit_ex2(context_.get(), sha256_.get(), nullptr) == 1 &&
                    EVP_DigestUpdate(context_.get(), text_.data(), text_.size()) == 1 &&
                    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1;
  if (!made) std::abort();  // without memory, or an OpenSSL without SHA-256
  return digest;
}

}  // namespace topgun::pg
