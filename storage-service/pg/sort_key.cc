#include "sort_key.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/bytes.h"

namespace topgun::pg {

namespace {

constexpr size_t kPrefixBytes = 12;
using Sha256 = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

}  // namespace

SortKeyMaker::SortKeyMaker()
    : sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {}

SortKey SortKeyMaker::Of(state::CellKind kind, std::string_view key, std::string_view tag) {
  text_.clear();
  AppendBytes(text_, key);
  text_.append(tag);
  Sha256 digest;
  const bool made = EVP_DigestInit_ex2(context_.get(), sha256_.get(), nullptr) == 1 &&
                    EVP_DigestUpdate(context_.get(), text_.data(), text_.size()) == 1 &&
                    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1;
  if (!made) std::abort();  // without memory, or an OpenSSL without SHA-256

  SortKey sort_key{};  // a prefix that is shorter ends with zeros
  const std::string_view counted = kind == state::CellKind::kOr ? tag : key;
  std::copy_n(counted.begin(), std::min(counted.size(), kPrefixBytes), sort_key.begin());
  std::copy_n(digest.begin(), sort_key.size() - kPrefixBytes, sort_key.begin() + kPrefixBytes);
  return sort_key;
}

}  // namespace topgun::pg
